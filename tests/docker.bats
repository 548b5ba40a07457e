# bats file_tags=docker,tree
# shellcheck disable=SC2034,SC2154
# Real servers in a real engine: the image that the Dockerfile builds, with nginx and redis-server.

load helper
load docker

needs() {
	need_file /usr/sbin/nginx nginx
	need_file /usr/bin/redis-server redis-server
	need_file /bin/busybox busybox-static
	need_file /usr/bin/musl-gcc musl-tools
	need_engine
}

setup_file() {
	! lacks needs || return 0
	docker_up
	docker_base nsinit-test/debian gcc make musl-tools dash coreutils nginx redis-server busybox-static
	docker_build --quiet --build-arg BASE=nsinit-test/debian --build-arg COMMIT=0123456789abcdef --tag nsinit-test/nsinit "$root"
	mkdir "$BATS_FILE_TMPDIR/servers"
	cat >"$BATS_FILE_TMPDIR/servers/nginx.conf" <<-'END'
		user www-data;
		worker_processes 2;
		pid /run/nginx.pid;
		error_log stderr notice;
		events { }
		http {
			access_log off;
			server {
				listen 127.0.0.1:80;
				return 200 "first\n";
			}
		}
	END
	cat >"$BATS_FILE_TMPDIR/servers/Dockerfile" <<-'END'
		FROM nsinit-test/debian
		COPY --from=nsinit-test/nsinit /nsinit /nsinit
		COPY nginx.conf /etc/nginx/nginx.conf
		ENTRYPOINT ["/nsinit", "--"]
	END
	docker_build --quiet --tag nsinit-test/servers "$BATS_FILE_TMPDIR/servers"
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
	helper_teardown
}

servers=nsinit-test/servers

answers() {
	[[ $(in_container busybox wget -qO- http://127.0.0.1/ 2>/dev/null) == "$1" ]]
}

pongs() {
	[[ $(in_container redis-cli ping 2>/dev/null) == PONG ]]
}

nginx_runs() {
	docker_start "$@" "$servers" nginx -g 'daemon off;'
	wait_for answers first
}

# --- the image ---

@test "the Dockerfile builds an image that contains only nsinit" {
	[[ $(docker inspect -f '{{json .Config.Entrypoint}}' nsinit-test/nsinit) == '["/nsinit","--"]' ]]
	mkdir "$BATS_TEST_TMPDIR/image"
	docker save nsinit-test/nsinit | tar -C "$BATS_TEST_TMPDIR/image" -x
	for layer in $(tar_layers "$BATS_TEST_TMPDIR/image"); do
		tar -tf "$layer"
	done >"$BATS_TEST_TMPDIR/files"
	[[ $(<"$BATS_TEST_TMPDIR/files") == nsinit ]]
}

# Layers are layer.tar files, or blobs with a newer engine.
tar_layers() {
	find "$1" -type f -size +0 | while read -r file; do
		if [[ $file != *.json ]] && tar -tf "$file" >/dev/null 2>&1; then
			echo "$file"
		fi
	done
}

@test "the image's nsinit is static and prints the commit it was built from" {
	run docker run --rm --network=none --entrypoint /nsinit nsinit-test/nsinit --version
	[ "$status" -eq 0 ]
	[[ $output == "nsinit version $(head -n 1 "$root/VERSION") - git.0123456" ]]
	[[ $(docker inspect -f '{{index .Config.Labels "org.opencontainers.image.revision"}}' nsinit-test/nsinit) == 0123456789abcdef ]]
	docker_start --entrypoint /nsinit nsinit-test/nsinit --pause
	docker cp "$container:/nsinit" "$BATS_TEST_TMPDIR/nsinit"
	need readelf binutils
	run readelf --program-headers --wide "$BATS_TEST_TMPDIR/nsinit"
	[[ $output != *INTERP* ]]
}

@test "the status is 127 for a missing COMMAND, 126 for a file that is not a program, and 125 for nsinit's own failure" {
	run -127 docker run --rm --network=none nsinit-test/nsinit no-such-command
	[[ $output == "nsinit: "*no-such-command* ]]
	run docker run --rm --network=none "$servers" /etc/nginx/nginx.conf
	[ "$status" -eq 126 ]
	[[ $output == "nsinit: "*/etc/nginx/nginx.conf* ]]
	run docker run --rm --network=none --entrypoint /nsinit "$servers" --no-such-option
	[ "$status" -eq 125 ]
	[[ $output == "nsinit: "*--no-such-option* ]]
}

@test "the container's status is COMMAND's" {
	run docker run --rm --network=none "$servers" sh -c 'exit 7'
	[ "$status" -eq 7 ]
	run docker run --rm --network=none "$servers" sh -c 'kill -KILL $$'
	[ "$status" -eq 137 ]
	run docker run --rm --network=none "$servers" sh -c 'kill -TERM $$'
	[ "$status" -eq 143 ]
}

@test "COMMAND has the container's standard files" {
	[[ $(echo through | docker run --rm --interactive --network=none "$servers" cat) == through ]]
	run --separate-stderr docker run --rm --network=none "$servers" sh -c 'echo out; echo err >&2'
	[[ $output == out && $stderr == err ]]
}

# --- nginx ---

@test "nginx serves with nsinit, as master and workers" {
	nginx_runs
	runs "$pid" nsinit
	has_children 1 "$pid"
	master=$(children "$pid")
	runs "$master" nginx
	wait_for has_children 2 "$master"
	# PID 1 and 2 inside.
	[[ $(field "$pid" NSpid) == *" 1" && $(field "$master" NSpid) != *" 1" ]]
}

@test "docker stop ends nginx, master and workers, with status 0" {
	nginx_runs
	tree=$(descendants "$pid")
	docker stop -t 600 "$container"
	[ "$(docker_status "$container")" -eq 0 ]
	for p in $pid $tree; do
		gone "$p"
	done
}

@test "docker stop with the server's own stop signal ends nginx gracefully" {
	nginx_runs --stop-signal QUIT
	docker stop -t 600 "$container"
	[ "$(docker_status "$container")" -eq 0 ]
	logged '(SIGQUIT) received'
	logged 'gracefully shutting down'
}

@test "docker kill -s HUP makes nginx reload its configuration" {
	nginx_runs
	master=$(children "$pid")
	in_container busybox sed -i s/first/second/ /etc/nginx/nginx.conf
	answers first
	docker kill --signal HUP "$container"
	wait_for answers second
	# The master is the same, the workers are new, and no old worker is a zombie.
	[[ $(children "$pid") == "$master" ]]
	wait_for has_children 2 "$master"
	no_zombie "$pid"
}

@test "docker kill leaves no process behind" {
	nginx_runs
	tree=$(descendants "$pid")
	docker kill "$container"
	[ "$(docker_status "$container")" -eq 137 ]
	for p in $pid $tree; do
		wait_for gone "$p"
	done
}

# --- redis ---

@test "redis-server serves with nsinit, and saves its data when it is stopped" {
	docker_start "$servers" redis-server --dir /tmp --save 3600 1
	wait_for pongs
	[[ $(in_container redis-cli set key value) == OK ]]
	docker stop -t 600 "$container"
	[ "$(docker_status "$container")" -eq 0 ]
	logged 'User requested shutdown'
	logged 'DB saved on disk'
	docker start "$container"
	wait_for pongs
	[[ $(in_container redis-cli get key) == value ]]
}

@test "docker stop waits for a slow server, at most as long as its time limit" {
	docker_start "$servers" sh -c 'busybox mkfifo /tmp/go; trap "echo asked; read go </tmp/go; echo done; exit 5" TERM; echo ready; sleep 1000 & wait'
	wait_for logged ready
	docker stop -t 600 "$container" &
	local stop=$!
	wait_for logged asked
	kill -0 "$stop"
	in_container sh -c 'echo >/tmp/go'
	wait "$stop"
	[ "$(docker_status "$container")" -eq 5 ]
	logged asked
	logged 'done'
	docker_start "$servers" sh -c 'trap "" TERM; echo ready; sleep 1000'
	wait_for logged ready
	docker stop -t 1 "$container"
	[ "$(docker_status "$container")" -eq 137 ]
}

# --- leftovers ---

@test "orphans of docker exec are adopted and reaped" {
	nginx_runs
	before=$(children "$pid")
	docker exec "$container" sh -c 'sleep 1000 </dev/null >/dev/null 2>&1 & echo $!'
	wait_for has_children 2 "$pid"
	leftover=$(comm -13 <(sort <<<"$before") <(children "$pid" | sort))
	runs "$leftover" sleep
	kill "$leftover"
	wait_for gone "$leftover"
	has_children 1 "$pid"
}

@test "a server that puts itself into the background continues, and leaves no zombie when it ends" {
	docker_start "$servers" sh -c 'nginx; exec redis-server --save ""'
	wait_for answers first
	wait_for pongs
	# redis-server is COMMAND, and nginx's master is an orphan.
	has_children 2 "$pid"
	in_container nginx -s stop
	wait_for has_children 1 "$pid"
	no_zombie "$pid"
	docker stop -t 600 "$container"
	[ "$(docker_status "$container")" -eq 0 ]
}

@test "3,000 orphans in a container are all reaped" {
	docker_start --volume "$PROBES:/probes:ro" "$servers" sh -c '/probes/orphans 3000; exec sleep 1000'
	wait_for logged 'DONE 3000'
	wait_for has_children 1 "$pid"
	wait_for no_zombie "$pid"
	docker_start --volume "$PROBES:/probes:ro" --entrypoint /nsinit "$servers" -w -- sh -c '/probes/orphans 3000; exec sleep 1000'
	wait_for logged 'DONE 3000'
	wait_for has_children 1 "$pid"
	wait_for no_zombie "$pid"
}

@test "remaining processes get TERM and the grace of NSINIT_GRACE" {
	docker_start --env NSINIT_GRACE=600 "$servers" sh -c '
		trap "exit 4" TERM
		busybox setsid sh -c "trap \"echo left over, asked; exit\" TERM; echo ready; sleep 1000 & wait" &
		wait'
	wait_for logged ready
	docker stop -t 900 "$container"
	[ "$(docker_status "$container")" -eq 4 ]
	logged 'left over, asked'
}
