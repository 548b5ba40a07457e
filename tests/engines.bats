# bats file_tags=docker
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
# nsinit as the init of engines: dockerd's --init-path, runc, podman, and a pod's infra container.

load helper
load docker

needs() {
	need_root
	need_engine
}

setup_file() {
	! lacks needs || return 0
	docker_up --init-path "$NSINIT"
	docker_busybox nsinit-test/busybox
	# nsinit at the path where images have their init.
	mkdir "$BATS_FILE_TMPDIR/pause"
	cp "$NSINIT" "$BATS_FILE_TMPDIR/pause/catatonit"
	docker_import nsinit-test/pause "$BATS_FILE_TMPDIR/pause"
}

teardown_file() {
	docker_down
}

setup() {
	needs
	helper_setup
	started=()
	log=$BATS_TEST_TMPDIR/log
	mkdir -m 777 "$log"
	shared=(--volume "$PROBES:/probes:ro" --volume "$log:/log")
}

teardown() {
	docker_clean
	podman_clean
	helper_teardown
}

image=nsinit-test/busybox
# dockerd ignores --init for a container without its own PID namespace.
entrypoint=(--volume "$NSINIT:/nsinit:ro" --entrypoint /nsinit)

# behaves ARG...: check, in a container that is run with ARGs, that COMMAND runs below nsinit, orphans are reaped, a
# signal arrives, and the container ends with COMMAND's status when it is stopped.
behaves() {
	rm -f "$log/signals"
	docker_start "${shared[@]}" "$@" sh -c '/probes/orphans 30 && exec /probes/siglog -x 15 -s 5 /log/signals'
	wait_for said READY "$log/signals"
	is_nsinit "$pid"
	wait_for has_children 1 "$pid"
	runs "$(children "$pid")" siglog
	docker kill --signal USR1 "$container"
	wait_for grep -q '^10 ' "$log/signals"
	docker stop -t 600 "$container"
	[ "$(docker_status "$container")" -eq 5 ]
}

# is_nsinit PID: whether PID runs nsinit's binary, under any name.
is_nsinit() {
	cmp "/proc/$1/exe" "$NSINIT"
}

# --- docker run --init ---

@test "docker info shows nsinit's commit as the version of the init, without a warning" {
	commit=$("$NSINIT" --version)
	commit=${commit##*git.}
	[[ $(docker info --format '{{.InitCommit.ID}}') == "$commit" ]]
	[[ $(docker info --format '{{.InitBinary}}') == "$NSINIT" ]]
	run --separate-stderr docker info
	[[ $stderr != *init* ]]
	[[ -z ${docker_dir-} ]] || run ! grep -i 'init version' "$docker_dir/log"
}

@test "docker run --init starts nsinit as PID 1, under the name docker-init" {
	behaves --init "$image"
	docker_start --init "$image" sleep 1000
	runs "$pid" docker-init
	[[ $(field "$pid" NSpid) == *" 1" ]]
	[[ $(in_container /sbin/docker-init --version) == 'tini version '* ]]
}

@test "as docker-init nsinit signals only COMMAND, and with TINI_KILL_PROCESS_GROUP its group" {
	script='/probes/siglog -x 64 /log/other & exec /probes/siglog -x 12 -s 3 /log/command'
	for variable in NOTHING=1 TINI_KILL_PROCESS_GROUP=1; do
		rm -f "$log"/*
		docker_start "${shared[@]}" --init --env "$variable" "$image" sh -c "$script"
		wait_for said READY "$log/command"
		wait_for said READY "$log/other"
		docker kill --signal USR1 "$container"
		wait_for grep -q '^10 ' "$log/command"
		# 64 comes after 10.
		kill -64 "$(pid_of "$container" siglog -x 64)"
		wait_for grep -q '^64 ' "$log/other"
		if [[ $variable == TINI* ]]; then
			grep '^10 ' "$log/other"
		else
			run ! grep '^10 ' "$log/other"
		fi
		docker kill --signal USR2 "$container"
		[ "$(docker_status "$container")" -eq 3 ]
	done
}

# pid_of CONTAINER TEXT: print the PID, as seen from here, of the process in it whose command line contains TEXT.
pid_of() {
	docker top "$1" -eo pid,args | grep -Fe "${*:2}" | grep -v 'sh -c\|docker-init' | awk '{ print $1 }'
}

@test "docker run --init returns COMMAND's status, and 127 and 126 if it cannot be run" {
	for code in 0 1 42 255; do
		run docker run --rm --init --network=none "$image" sh -c "exit $code"
		[ "$status" -eq "$code" ]
	done
	run docker run --rm --init --network=none "$image" sh -c 'kill -KILL $$'
	[ "$status" -eq 137 ]
	run -127 docker run --rm --init --network=none "$image" no-such-command
	run -126 docker run --rm --init --network=none "$image" /etc/passwd
}

@test "with docker run --init, remaining processes have the grace of NSINIT_GRACE" {
	docker_start "${shared[@]}" --init --env NSINIT_GRACE=600 "$image" sh -c '
		setsid /probes/siglog -x 15 /log/left &
		until grep -q READY /log/left; do sleep 0.05; done
		exit 6'
	[ "$(docker_status "$container")" -eq 6 ]
	grep '^15 ' "$log/left"
}

# --- whose PID namespace it is ---

@test "with --pid=host nsinit is not PID 1, and adopts orphans" {
	behaves "${entrypoint[@]}" --pid=host "$image"
	docker_start "${entrypoint[@]}" --pid=host "$image" sh -c '(sleep 1000 &); exec sleep 1001'
	[[ $(field "$pid" NSpid) != *" 1" ]]
	wait_for has_children 2 "$pid"
	docker kill --signal TERM "$container"
	[ "$(docker_status "$container")" -eq 143 ]
}

@test "with --pid=container: nsinit is not PID 1, and adopts orphans" {
	docker_start "$image" sleep 1000
	host=$container
	behaves "${entrypoint[@]}" --pid=container:"$host" "$image"
	docker_start "${entrypoint[@]}" --pid=container:"$host" "$image" sh -c '(sleep 1000 &); exec sleep 1001'
	[[ $(field "$pid" NSpid) != *" 1" ]]
	wait_for has_children 2 "$pid"
	orphan=$(pid_of "$container" 'sleep 1000')
	kill "$orphan"
	wait_for gone "$orphan"
	has_children 1 "$pid"
}

# --- what a container may be denied ---

@test "nsinit runs on a read-only root file system" {
	behaves --init --read-only "$image"
}

@test "nsinit runs as a user other than root" {
	behaves --init --user 1000:1000 "$image"
}

@test "nsinit runs without any capability" {
	behaves --init --cap-drop=ALL "$image"
}

@test "nsinit runs with no-new-privileges" {
	behaves --init --security-opt no-new-privileges "$image"
}

@test "nsinit runs with all of these at once, without being PID 1, with the default seccomp profile" {
	docker info --format '{{.SecurityOptions}}' | grep seccomp
	docker_start "$image" sleep 1000
	host=$container
	all=(--read-only --user 1000:1000 --cap-drop=ALL --security-opt no-new-privileges --memory 64m --pids-limit 100
		--ulimit nofile=20)
	behaves --init "${all[@]}" "$image"
	behaves "${entrypoint[@]}" "${all[@]}" --pid=container:"$host" "$image"
	behaves --init --security-opt seccomp=unconfined "$image"
}

@test "a new namespace is refused with a message if the engine does not permit it, and created otherwise" {
	run docker run --rm --init --network=none "$image" /sbin/docker-init -u -- true
	[ "$status" -eq 125 ]
	[[ ${#lines[@]} == 1 && $output == 'nsinit: '* ]]
	run docker run --rm --init --network=none --cap-add SYS_ADMIN \
		--security-opt seccomp=unconfined --security-opt apparmor=unconfined --security-opt systempaths=unconfined "$image" /sbin/docker-init -u -- \
		sh -c 'grep NSpid /proc/self/status; ls -d /proc/[0-9]*'
	[ "$status" -eq 0 ]
	[[ $output == *$'/proc/1\n/proc/2'* && $output != *'/proc/1'[0-9]* ]]
}

@test "if the engine permits no further process, the message names the limit" {
	# COMMAND uses them all, and executes a second nsinit.
	docker_start --init --pids-limit 40 "$image" sh -c '
		i=0; while [ $i -lt 38 ]; do sleep 1000 & i=$((i + 1)); done
		exec /sbin/docker-init true'
	[ "$(docker_status "$container")" -eq 125 ]
	logged 'a limit on processes'
}

# --- terminals ---

@test "a shell below docker run -it has job control, with --init and as the ENTRYPOINT" {
	need script util-linux
	for words in '--init' "--volume $NSINIT:/nsinit:ro --entrypoint /nsinit"; do
		run script -qec "docker run --rm -it --network=none $words $image sh" /dev/null <<-'END'
			case $- in *m*) echo job control: yes;; esac
			sleep 1000 &
			jobs
			kill %1
			exit 9
		END
		[ "$status" -eq 9 ]
		[[ $output == *$'\njob control: yes'* && $output == *Running* ]]
		[[ $output != *"can't access tty"* && $output != *'job control turned off'* ]]
	done
}

# --- a pod's infra container ---

@test "--pause holds a PID namespace that other containers share, and reaps their orphans" {
	docker_start --entrypoint /catatonit nsinit-test/pause --pause
	pause=$container pause_pid=$pid
	[[ $(field "$pause_pid" NSpid) == *" 1" ]]
	docker_start "${shared[@]}" --pid=container:"$pause" "$image" sh -c '
		(sleep 1000 & echo $! >/log/orphan)
		/probes/orphans 300
		exec sleep 1001'
	wait_for logged 'DONE 300'
	wait_for has_children 1 "$pause_pid"
	orphan=$(children "$pause_pid")
	[[ $(field "$orphan" NSpid) == *" $(<"$log/orphan")" ]]
	# The orphan outlives its container only if no process ends it.
	kill "$orphan"
	wait_for has_children 0 "$pause_pid"
	docker kill "$container"
	docker stop -t 600 "$pause"
	[ "$(docker_status "$pause")" -eq 0 ]
}

@test "an image with the ENTRYPOINT catatonit -P works unchanged" {
	docker import -c 'ENTRYPOINT ["/catatonit", "-P"]' - nsinit-test/infra < <(tar -C "$BATS_FILE_TMPDIR/pause" -c .) >/dev/null
	for signal in TERM INT; do
		docker_start nsinit-test/infra
		wait_for mask_set "$pid"
		docker kill --signal "$signal" "$container"
		[ "$(docker_status "$container")" -eq 0 ]
	done
}

@test "the other processes of the namespace end with the nsinit that runs --pause" {
	docker_start --entrypoint /catatonit nsinit-test/pause -P
	pause=$container
	docker_start --pid=container:"$pause" "$image" sleep 1000
	docker stop -t 600 "$pause"
	[ "$(docker_status "$pause")" -eq 0 ]
	[ "$(docker_status "$container")" -eq 137 ]
}

# --- runc ---

# bundle DIR ARG...: create an OCI bundle of the busybox image whose process is nsinit ARG...
bundle() {
	local dir=$1 args name namespaces='' word
	shift
	mkdir -p "$dir/rootfs"
	docker export "$(docker create "$image" true)" | tar -C "$dir/rootfs" -x
	cp "$NSINIT" "$dir/rootfs/nsinit"
	args='"/nsinit"'
	for word in "$@"; do
		args+=", \"$word\""
	done
	for name in pid mount ipc uts network; do
		namespaces+="${namespaces:+, }{\"type\": \"$name\"}"
	done
	cat >"$dir/config.json" <<-END
		{
			"ociVersion": "1.0.2",
			"process": {
				"user": {"uid": 0, "gid": 0}, "args": [$args], "cwd": "/",
				"env": ["PATH=/bin"], "noNewPrivileges": true
			},
			"root": {"path": "rootfs", "readonly": true},
			"mounts": [
				{"destination": "/proc", "type": "proc", "source": "proc"},
				{"destination": "/log", "type": "bind", "source": "$log", "options": ["bind", "rw"]},
				{"destination": "/probes", "type": "bind", "source": "$PROBES", "options": ["bind", "ro"]}
			],
			"linux": {"namespaces": [$namespaces]}
		}
	END
}

@test "runc runs a bundle whose process is nsinit, signals it and returns its status" {
	need runc runc
	bundle "$BATS_TEST_TMPDIR/bundle" -- sh -c '/probes/orphans 30 && exec /probes/siglog -x 15 -s 5 /log/signals'
	id=nsinit-$BATS_TEST_NUMBER-$$
	spawn runc --root "$BATS_TEST_TMPDIR/runc" run --bundle "$BATS_TEST_TMPDIR/bundle" "$id"
	runc=$pid
	wait_for said READY "$log/signals"
	pid=$(runc --root "$BATS_TEST_TMPDIR/runc" ps --format json "$id" | tr -d '[]' | cut -d, -f1)
	is_nsinit "$pid"
	wait_for has_children 1 "$pid"
	runc --root "$BATS_TEST_TMPDIR/runc" kill "$id" USR1
	wait_for grep -q '^10 ' "$log/signals"
	runc --root "$BATS_TEST_TMPDIR/runc" kill "$id" TERM
	finish "$runc"
	[ "$status" -eq 5 ]
}

# --- podman ---

@test "podman run --init works with nsinit as --init-path" {
	podman_up
	docker export "$(docker create "$image" true)" | podman_here import - localhost/busybox >/dev/null
	run podman_here run --rm --network=none --init --init-path "$NSINIT" localhost/busybox sh -c 'tr "\0" " " </proc/1/cmdline; exit 7'
	[ "$status" -eq 7 ]
	[[ $output == '/run/podman-init -- sh -c '* ]]
	id=$(podman_here run --detach --network=none "${shared[@]}" --init --init-path "$NSINIT" localhost/busybox \
		sh -c '/probes/orphans 30 && exec /probes/siglog -x 15 -s 5 /log/signals')
	wait_for said READY "$log/signals"
	pid=$(podman_here inspect --format '{{.State.Pid}}' "$id")
	is_nsinit "$pid"
	wait_for has_children 1 "$pid"
	podman_here kill --signal USR1 "$id"
	wait_for grep -q '^10 ' "$log/signals"
	podman_here stop --time 600 "$id"
	[ "$(podman_here wait "$id")" -eq 5 ]
}

@test "podman's pod works with nsinit, as catatonit -P, as its infra container" {
	podman_up
	docker export "$(docker create "$image" true)" | podman_here import - localhost/busybox >/dev/null
	tar -C "$BATS_FILE_TMPDIR/pause" -c . | podman_here import --change 'ENTRYPOINT ["/catatonit", "-P"]' - localhost/infra >/dev/null
	podman_here pod create --name pod --network=none --share pid --infra-image localhost/infra
	podman_here run --detach --pod pod --network=none "${shared[@]}" localhost/busybox \
		sh -c '(sleep 1000 &); /probes/orphans 30; echo done >/log/done; exec sleep 1001'
	wait_for said 'done' "$log/done"
	infra=$(podman_here pod inspect --format '{{.InfraContainerID}}' pod)
	pid=$(podman_here inspect --format '{{.State.Pid}}' "$infra")
	is_nsinit "$pid"
	[[ $(field "$pid" NSpid) == *" 1" ]]
	wait_for has_children 1 "$pid"
	# If nsinit did not end at TERM, KILL would end it: 137.
	podman_here stop --time 600 "$infra"
	[ "$(podman_here wait "$infra")" -eq 0 ]
}
