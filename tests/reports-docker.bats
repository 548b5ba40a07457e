# bats file_tags=docker
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
# Writing to /proc/1/fd/1 is how cron jobs, `docker exec` and log files that are links write to a container's log. Each
# way, in real engines. And what the log says of a container that has exceeded its memory limit.

load helper
load docker

needs() {
	need_root
	need nginx nginx
	need_engine
}

setup_file() {
	! lacks needs || return 0
	docker_up --init-path "$NSINIT"
	docker_busybox nsinit-test/busybox
	# cron starts its jobs at the next minute, so the last test checks them.
	mkdir "$BATS_FILE_TMPDIR/crontabs"
	echo '* * * * * echo a job runs >/proc/1/fd/1; echo its error >/proc/1/fd/2' >"$BATS_FILE_TMPDIR/crontabs/root"
	for words in '--init' "--volume $NSINIT:/nsinit:ro --entrypoint /nsinit"; do
		# shellcheck disable=SC2086 # words
		docker run --detach --network=none --volume "$BATS_FILE_TMPDIR/crontabs:/crontabs:ro" $words \
			nsinit-test/busybox crond -f -c /crontabs -L /dev/null
	done >"$BATS_FILE_TMPDIR/crons"
}

teardown_file() {
	docker_down
}

setup() {
	needs
	helper_setup
	started=()
}

teardown() {
	docker_clean
	podman_clean
	helper_teardown
}

image=nsinit-test/busybox
entrypoint=(--volume "$NSINIT:/nsinit:ro" --entrypoint /nsinit)

# logs_exec ARG...: check that the container's log has what `docker exec` writes to the standard files of its first
# process.
logs_exec() {
	docker_start "$@" sleep 1000
	in_container sh -c 'echo "written by $0" >/proc/1/fd/1; echo "an error of $0" >/proc/1/fd/2' exec
	wait_for logged 'written by exec'
	wait_for logged 'an error of exec'
}

@test "docker exec writes to the container's log by /proc/1/fd/1, with nsinit as ENTRYPOINT and by --init" {
	logs_exec "${entrypoint[@]}" "$image"
	logs_exec --init "$image"
	logs_exec --init --read-only --cap-drop=ALL --security-opt no-new-privileges "$image"
}

@test "docker exec writes to the container's log by /proc/1/fd/1 with a terminal, and as another user" {
	logs_exec --tty "${entrypoint[@]}" "$image"
	logs_exec --interactive --tty --init "$image"
	logs_exec --init --user 1000:1000 "$image"
}

@test "COMMAND reads what docker exec writes to /proc/1/fd/0 of an interactive container" {
	for words in --init "${entrypoint[*]}"; do
		# shellcheck disable=SC2086 # words
		docker_start --interactive $words "$image" sh -c 'while read -r line; do echo "order: $line"; done'
		in_container sh -c 'echo say hello >/proc/1/fd/0'
		wait_for logged 'order: say hello'
	done
}

@test "the input of docker run -i can be read by /proc/1/fd/0, and its output ends with the container" {
	for words in --init "${entrypoint[*]}"; do
		# shellcheck disable=SC2086 # words
		output=$(echo an order | docker run --rm --interactive --network=none $words "$image" \
			sh -c 'exec 3</proc/1/fd/0 </dev/null; read -r line <&3; setsid sh -c "echo read: $line >/proc/1/fd/1"; exit')
		[[ $output == "read: an order" ]]
	done
}

@test "nginx whose logs are links to /proc/1/fd/1 and /proc/1/fd/2 starts in a container, and docker logs shows them" {
	docker_base nsinit-test/nginx nginx dash busybox-static
	mkdir -p "$BATS_TEST_TMPDIR/nginx/logs"
	cat >"$BATS_TEST_TMPDIR/nginx/nginx.conf" <<-'END'
		user www-data;
		pid /run/nginx.pid;
		error_log /var/log/nginx/error.log notice;
		events { }
		http {
			access_log /var/log/nginx/access.log;
			server {
				listen 127.0.0.1:80;
				return 200 "served\n";
			}
		}
	END
	cat >"$BATS_TEST_TMPDIR/nginx/Dockerfile" <<-'END'
		FROM nsinit-test/nginx
		COPY nginx.conf /etc/nginx/nginx.conf
		COPY logs /var/log/nginx
	END
	ln -s /proc/1/fd/1 "$BATS_TEST_TMPDIR/nginx/logs/access.log"
	ln -s /proc/1/fd/2 "$BATS_TEST_TMPDIR/nginx/logs/error.log"
	docker_build --quiet --tag nsinit-test/linked "$BATS_TEST_TMPDIR/nginx"
	for words in --init "${entrypoint[*]}"; do
		# shellcheck disable=SC2086 # words
		docker_start $words nsinit-test/linked nginx -g 'daemon off;'
		wait_for served
		wait_for logged '"GET /a-page '
		logged 'start worker process'
	done
}

served() {
	[[ $(in_container busybox wget -qO- http://127.0.0.1/a-page 2>/dev/null) == served ]]
}

# need_memory_limit: go on only if the memory controller is available to the engine's control groups.
need_memory_limit() {
	[[ -d /sys/fs/cgroup/memory ]] || grep -qsw memory /sys/fs/cgroup/cgroup.controllers ||
		missing "needs the memory controller of control groups"
}

@test "a COMMAND that exceeds docker run --memory: a line in the container's log names the limit" {
	need_memory_limit
	local file=memory.max words
	[[ ! -d /sys/fs/cgroup/memory ]] || file=memory.limit_in_bytes
	for words in --init "${entrypoint[*]}"; do
		# shellcheck disable=SC2086 # words
		docker_start --memory 24m --memory-swap 24m $words "$image" tail /dev/zero
		[[ $(docker_status "$container") == 137 ]]
		docker logs "$container"
		[[ $(docker logs "$container" 2>&1) == "nsinit: COMMAND was killed, probably for lack of memory ($file of its control group is 25165824, kills so far: "[1-9]*"): "* ]]
	done
}

@test "a COMMAND in a container with --memory that something else kills: no line about memory" {
	need_memory_limit
	for words in --init "${entrypoint[*]}"; do
		# shellcheck disable=SC2086 # words
		docker_start --memory 24m --memory-swap 24m $words "$image" sh -c 'kill -KILL $$'
		[[ $(docker_status "$container") == 137 ]]
		[[ -z $(docker logs "$container" 2>&1) ]]
	done
}

@test "podman exec writes to the container's log by /proc/1/fd/1" {
	podman_up
	docker export "$(docker create "$image" true)" | podman_here import - localhost/busybox >/dev/null
	id=$(podman_here run --detach --network=none --log-driver k8s-file --init --init-path "$NSINIT" localhost/busybox sleep 1000)
	podman_here exec "$id" sh -c 'echo written by exec >/proc/1/fd/1'
	wait_for podman_logged 'written by exec'
}

podman_logged() {
	podman_here logs "$id" 2>&1 | grep -qF "$1"
}

@test "cron's jobs write to the container's log by /proc/1/fd/1 and /proc/1/fd/2" {
	while read -r container; do
		wait_for -t 90 logged 'a job runs'
		wait_for logged 'its error'
	done <"$BATS_FILE_TMPDIR/crons"
}
