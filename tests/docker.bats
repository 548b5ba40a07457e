# bats file_tags=docker,tree
# shellcheck disable=SC2034,SC2154
# Real servers in a real engine: the image that the Dockerfile makes, and nginx and redis-server below it.

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

@test "the Dockerfile leaves an image that holds nsinit and nothing else" {
	[[ $(docker inspect -f '{{json .Config.Entrypoint}}' nsinit-test/nsinit) == '["/nsinit","--"]' ]]
	mkdir "$BATS_TEST_TMPDIR/image"
	docker save nsinit-test/nsinit | tar -C "$BATS_TEST_TMPDIR/image" -x
	for layer in $(tar_layers "$BATS_TEST_TMPDIR/image"); do
		tar -tf "$layer"
	done >"$BATS_TEST_TMPDIR/files"
	[[ $(<"$BATS_TEST_TMPDIR/files") == nsinit ]]
}

# Layers are layer.tar files, or with a newer engine blobs that are archives.
tar_layers() {
	find "$1" -type f -size +0 | while read -r file; do
		if [[ $file != *.json ]] && tar -tf "$file" >/dev/null 2>&1; then
			echo "$file"
		fi
	done
}

@test "the image's nsinit is static and knows the commit it was built from" {
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

@test "a COMMAND that the image does not have is 127, a file that is no program 126, nsinit's own failure 125" {
	run -127 docker run --rm --network=none nsinit-test/nsinit no-such-command
	[[ $output == "nsinit: "*no-such-command* ]]
	run docker run --rm --network=none "$servers" /etc/nginx/nginx.conf
	[ "$status" -eq 126 ]
	[[ $output == "nsinit: "*/etc/nginx/nginx.conf* ]]
	run docker run --rm --network=none --entrypoint /nsinit "$servers" --no-such-option
	[ "$status" -eq 125 ]
	[[ $output == "nsinit: "*--no-such-option* ]]
}

@test "COMMAND's status is the container's" {
	run docker run --rm --network=none "$servers" sh -c 'exit 7'
	[ "$status" -eq 7 ]
	run docker run --rm --network=none "$servers" sh -c 'kill -KILL $$'
	[ "$status" -eq 137 ]
	run docker run --rm --network=none "$servers" sh -c 'kill -TERM $$'
	[ "$status" -eq 143 ]
}

@test "COMMAND's standard files are the container's" {
	[[ $(echo through | docker run --rm --interactive --network=none "$servers" cat) == through ]]
	run --separate-stderr docker run --rm --network=none "$servers" sh -c 'echo out; echo err >&2'
	[[ $output == out && $stderr == err ]]
}

# --- nginx ---

@test "nginx serves below nsinit, master and workers" {
	nginx_runs
	runs "$pid" nsinit
	has_children 1 "$pid"
	master=$(children "$pid")
	runs "$master" nginx
	wait_for has_children 2 "$master"
	# PID 1 and 2 in there.
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

@test "docker stop with a stop signal of the server's own: nginx finishes gracefully" {
	nginx_runs --stop-signal QUIT
	docker stop -t 600 "$container"
	[ "$(docker_status "$container")" -eq 0 ]
	logged '(SIGQUIT) received'
	logged 'gracefully shutting down'
}

@test "docker kill -s HUP makes nginx read its configuration anew" {
	nginx_runs
	master=$(children "$pid")
	in_container busybox sed -i s/first/second/ /etc/nginx/nginx.conf
	answers first
	docker kill --signal HUP "$container"
	wait_for answers second
	# The same master, other workers, and none of the old ones left as a zombie.
	[[ $(children "$pid") == "$master" ]]
	wait_for has_children 2 "$master"
	no_zombie "$pid"
}

@test "docker kill leaves nothing" {
	nginx_runs
	tree=$(descendants "$pid")
	docker kill "$container"
	[ "$(docker_status "$container")" -eq 137 ]
	for p in $pid $tree; do
		wait_for gone "$p"
	done
}

# --- redis ---

@test "redis-server serves below nsinit, and saves its data when it is stopped" {
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

@test "docker stop of a server that takes its time waits for it, and no longer than it was told to" {
	docker_start "$servers" sh -c 'busybox mkfifo /tmp/go; trap "echo told; read go </tmp/go; echo done; exit 5" TERM; echo ready; sleep 1000 & wait'
	wait_for logged ready
	docker stop -t 600 "$container" &
	local stop=$!
	wait_for logged told
	kill -0 "$stop"
	in_container sh -c 'echo >/tmp/go'
	wait "$stop"
	[ "$(docker_status "$container")" -eq 5 ]
	logged told
	logged 'done'
	docker_start "$servers" sh -c 'trap "" TERM; echo ready; sleep 1000'
	wait_for logged ready
	docker stop -t 1 "$container"
	[ "$(docker_status "$container")" -eq 137 ]
}

# --- leftovers ---

@test "what docker exec leaves behind is adopted and reaped" {
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

@test "a server that forks itself into the background runs on, and its end leaves no zombie" {
	docker_start "$servers" sh -c 'nginx; exec redis-server --save ""'
	wait_for answers first
	wait_for pongs
	# redis-server is COMMAND; nginx's master is an orphan.
	has_children 2 "$pid"
	in_container nginx -s stop
	wait_for has_children 1 "$pid"
	no_zombie "$pid"
	docker stop -t 600 "$container"
	[ "$(docker_status "$container")" -eq 0 ]
}

@test "three thousand orphans leave none behind in the engine" {
	docker_start --volume "$PROBES:/probes:ro" "$servers" sh -c '/probes/orphans 3000; exec sleep 1000'
	wait_for logged 'DONE 3000'
	wait_for has_children 1 "$pid"
	wait_for no_zombie "$pid"
	docker_start --volume "$PROBES:/probes:ro" --entrypoint /nsinit "$servers" -w -- sh -c '/probes/orphans 3000; exec sleep 1000'
	wait_for logged 'DONE 3000'
	wait_for has_children 1 "$pid"
	wait_for no_zombie "$pid"
}

@test "what COMMAND leaves gets TERM and the grace, where the environment asks for one" {
	docker_start --env NSINIT_GRACE=600 "$servers" sh -c '
		trap "exit 4" TERM
		busybox setsid sh -c "trap \"echo left over, told; exit\" TERM; echo ready; sleep 1000 & wait" &
		wait'
	wait_for logged ready
	docker stop -t 900 "$container"
	[ "$(docker_status "$container")" -eq 4 ]
	logged 'left over, told'
}
