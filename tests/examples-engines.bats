# bats file_tags=docker,tree
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
# The examples, each run in a real engine. A base image is made from the packages of this machine instead of being
# pulled.

load helper
load docker

needs() {
	need_root
	need_file /usr/sbin/nginx nginx
	need_file /usr/bin/redis-server redis-server
	need_file /bin/busybox busybox-static
	need_file /usr/bin/musl-gcc musl-tools
	need_engine
}

setup_file() {
	! lacks needs || return 0
	# The configuration of a site is not among the packages' files.
	cat >"$BATS_FILE_TMPDIR/site" <<-'END'
		server {
			listen 127.0.0.1:80;
			return 200 "served\n";
		}
	END
	docker_up --init-path "$NSINIT"
	docker_base nsinit-test/debian gcc make musl-tools bash dash coreutils nginx redis-server busybox-static
	docker_busybox nsinit-test/busybox
	docker_build --quiet --build-arg BASE=nsinit-test/debian --tag nsinit "$root"
	docker_base nsinit-test/nginx nginx busybox-static
	docker_build --quiet --build-arg BASE=nsinit-test/nginx --tag web "$root/examples/debian"
	docker_build --quiet --build-arg BASE=nsinit-test/busybox --tag cron "$root/examples/alpine"
	docker_build --quiet --build-arg BASE=nsinit-test/debian --tag oneshot "$root/examples/scratch"
	docker_build --quiet --build-arg BASE=nsinit-test/debian --tag services "$root/examples/services"
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

serves() {
	[[ $(in_container busybox wget -qO- http://127.0.0.1/ 2>/dev/null) == served ]]
}

pongs() {
	[[ $(in_container redis-cli ping 2>/dev/null) == PONG ]]
}

@test "debian: nginx serves, finishes its requests on QUIT, and its status is 0" {
	docker_start --volume "$BATS_FILE_TMPDIR/site:/etc/nginx/sites-enabled/default:ro" web
	wait_for serves
	docker stop -t 600 "$container"
	[ "$(docker_status "$container")" -eq 0 ]
}

@test "alpine: cron runs its jobs, and a TERM ends it with status 0" {
	docker_start cron
	wait_for has_children 1 "$pid"
	wait_for runs "$(children "$pid")" crond
	docker stop -t 600 "$container"
	[ "$(docker_status "$container")" -eq 0 ]
}

@test "scratch: the server's grandchildren are reaped" {
	docker_start oneshot
	wait_for runs "$pid" nsinit
	wait_for has_children 1 "$pid"
	for _ in {1..20}; do
		wait_for asked
		[[ $answer =~ ^PID\ [0-9]+,\ time\ [0-9]+$ ]]
	done
	wait_for has_children 1 "$pid"
	no_zombie "$pid"
	docker stop -t 600 "$container"
	[ "$(docker_status "$container")" -eq 143 ]
}

# The image has no HTTP client, so use this machine's in the container's network namespace.
asked() {
	answer=$(nsenter --net --target "$pid" busybox nc 127.0.0.1 7777 </dev/null 2>/dev/null) && [[ -n $answer ]]
}

@test "services: both serve, a stop reaches both, and each ends when the other one ends" {
	docker_start --volume "$BATS_FILE_TMPDIR/site:/etc/nginx/sites-enabled/default:ro" services
	wait_for serves
	wait_for pongs
	docker stop -t 600 "$container"
	[ "$(docker_status "$container")" -eq 0 ]
	logged 'User requested shutdown'
	run ! logged 'signal 9'

	docker_start --volume "$BATS_FILE_TMPDIR/site:/etc/nginx/sites-enabled/default:ro" services
	wait_for serves
	wait_for pongs
	in_container redis-cli shutdown nosave || :
	[ "$(docker_status "$container")" -eq 0 ]
}

@test "compose: both services run as configured, and stop" {
	need docker-compose docker-compose
	docker tag nsinit-test/debian redis:bookworm
	cat >"$BATS_TEST_TMPDIR/here.yaml" <<-END
		services:
		  services:
		    build: {args: {BASE: nsinit-test/debian}, network: none}
		    network_mode: none
		    volumes: ["$BATS_FILE_TMPDIR/site:/etc/nginx/sites-enabled/default:ro"]
		  cache:
		    command: [redis-server, --save, "", --dir, /data]
		    network_mode: none
	END
	compose up --detach
	for service in services cache; do
		container=$(compose ps --quiet "$service")
		started+=("$container")
		wait_for pongs
	done
	pid=$(docker inspect --format '{{.State.Pid}}' "$container")
	cmp "/proc/$pid/exe" "$NSINIT"
	[[ $(field "$pid" NoNewPrivs) == 1 && $(field "$pid" CapEff) == 0000000000000000 ]]
	compose stop
	for container in "${started[@]}"; do
		[ "$(docker_status "$container")" -eq 0 ]
	done
}

compose() {
	docker-compose --project-name nsinit-test --file "$root/examples/compose.yaml" --file "$BATS_TEST_TMPDIR/here.yaml" "$@"
}

# pod_words NAME: print the words with which the Pod's container NAME is started, one a line.
pod_words() {
	/usr/bin/python3 -c '
import sys, yaml
for container in yaml.safe_load(open(sys.argv[1]))["spec"]["containers"]:
    if container["name"] == sys.argv[2]:
        print(*container["command"], *container["args"], sep="\n")' "$root/examples/kubernetes/pod.yaml" "$1"
}

# podman 4.3 cannot be used, because it ignores shareProcessNamespace.
@test "kubernetes: the Pod's containers share the PID namespace of an infra container, and stop" {
	need_file /usr/lib/python3/dist-packages/yaml python3-yaml
	docker_start --volume "$NSINIT:/catatonit:ro" --entrypoint /catatonit nsinit-test/busybox -P
	infra=$container infra_pid=$pid
	for name in nginx cron; do
		mapfile -t words < <(pod_words "$name")
		case $name in
		nginx) program=nginx pod_image=web other=() ;;
		cron) program=crond pod_image=cron other=(--read-only --security-opt no-new-privileges) ;;
		esac
		[[ ${words[0]} == nsinit ]]
		docker_start --pid=container:"$infra" "${other[@]}" --entrypoint nsinit "$pod_image" "${words[@]:1}"
		wait_for has_children 1 "$pid"
		wait_for runs "$(children "$pid")" "$program"
		[[ $(readlink "/proc/$pid/ns/pid") == "$(readlink "/proc/$infra_pid/ns/pid")" ]]
		[[ $(field "$pid" NSpid) != *" 1" ]]
		docker kill --signal TERM "$container"
		[ "$(docker_status "$container")" -eq 0 ]
	done
	has_children 0 "$infra_pid"
	docker stop -t 600 "$infra"
	[ "$(docker_status "$infra")" -eq 0 ]
}

@test "kubernetes: podman runs the Pod, whose containers stop as configured" {
	podman_up
	for name in web cron; do
		docker save "$name" | podman_here load --quiet
		podman_here tag "$name" "localhost/$name:latest"
	done
	sed -i '/^\[engine\]/a infra_image = "localhost/infra"' "$CONTAINERS_CONF"
	mkdir "$BATS_TEST_TMPDIR/infra"
	cp "$NSINIT" "$BATS_TEST_TMPDIR/infra/catatonit"
	tar -C "$BATS_TEST_TMPDIR/infra" -c . | podman_here import --quiet --change 'ENTRYPOINT ["/catatonit", "-P"]' - localhost/infra
	podman_here play kube --network none "$root/examples/kubernetes/pod.yaml"
	for name in nginx crond; do
		container=web-${name%d}
		pid=$(podman_here inspect --format '{{.State.Pid}}' "$container")
		wait_for has_children 1 "$pid"
		wait_for runs "$(children "$pid")" "$name"
		podman_here stop --time 600 "$container"
		[ "$(podman_here wait "$container")" -eq 0 ]
	done
}

@test "kubernetes: every field of the Pod is in the schema" {
	need_file /usr/lib/python3/dist-packages/yaml python3-yaml
	need_file /usr/lib/python3/dist-packages/jsonschema python3-jsonschema
	/usr/bin/python3 -c 'import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)' \
		<"$root/examples/kubernetes/pod.yaml" >"$BATS_TEST_TMPDIR/pod.json"
	run -0 /usr/bin/python3 -W ignore -m jsonschema --instance "$BATS_TEST_TMPDIR/pod.json" "$root/tests/pod.schema.json"
	sed s/terminationGracePeriodSeconds/terminationGracePeriod/ "$BATS_TEST_TMPDIR/pod.json" >"$BATS_TEST_TMPDIR/wrong.json"
	run -1 /usr/bin/python3 -W ignore -m jsonschema --instance "$BATS_TEST_TMPDIR/wrong.json" "$root/tests/pod.schema.json"
}
