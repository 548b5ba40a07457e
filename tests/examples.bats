#!/usr/bin/env bats
# The scripts in examples/: each does what its comment says.

# shellcheck disable=SC2016,SC2164 # scripts are for inner shells; bats stops where a cd fails
load helper
load namespaces

setup() {
	need_root
	helper_setup
	cd "$BATS_TEST_TMPDIR"
	mkdir bin
	ln -s "$(realpath "$NSINIT")" bin/nsinit
	PATH=$PWD/bin:$PATH
	examples=$root/examples
}

# its_own: check that the container's answers to $look differ from those of the host.
its_own() {
	[[ $status == 0 && -z $stderr ]]
	[[ ${lines[0]} == box && ${lines[1]} == "2 /proc/1 /proc/2" ]]
	[[ ${lines[*]:2:4} == "bin etc proc tmp" && ${lines[6]} == "uid 0" && ${lines[7]} == *LOOPBACK,UP* ]]
	((${#lines[@]} >= 8))
}
look='hostname; echo $$ /proc/[0-9]*; ls /; echo "uid $(id -u)"; busybox ip addr show lo'

@test "container.sh: a container from a rootfs directory" {
	need busybox busybox-static
	make_rootfs rootfs
	run --separate-stderr "${fresh[@]}" "$examples/container.sh" rootfs sh -c "$look" </dev/null 3>&-
	its_own
	run --separate-stderr "${fresh[@]}" "$examples/container.sh" rootfs sh -c 'exit 9' </dev/null 3>&-
	((status == 9))
}

@test "rootless.sh: uid 65534 runs a container from a rootfs directory" {
	need_user_namespaces
	need busybox busybox-static
	for_nobody
	make_rootfs "$place/rootfs"
	cp "$examples/rootless.sh" "$place/"
	cd "$place"
	PATH=$place:$PATH run --separate-stderr "${fresh[@]}" "${nobody[@]}" ./rootless.sh rootfs sh -c "$look" </dev/null 3>&-
	its_own
}

@test "join.sh: a second command in a running container, found by its PID file" {
	need busybox busybox-static
	need nsenter util-linux
	make_rootfs rootfs
	PIDFILE=pid spawn "$examples/container.sh" rootfs sleep 1000
	wait_for test -s pid
	run --separate-stderr "$examples/join.sh" pid sh -c 'hostname; echo $$ /proc/[0-9]*; ls /; cat /proc/2/comm' </dev/null 3>&-
	((status == 0))
	[[ -z $stderr && ${lines[0]} == box && ${lines[1]} == "3 /proc/1 /proc/2 /proc/3" ]]
	[[ ${lines[*]:2} == "bin etc proc tmp sleep" ]]
	stop_it
	((status == 143))
	[[ ! -e pid ]]
}

@test "unshare-before.sh and unshare-after.sh give the same results, in each spelling" {
	need unshare util-linux
	need tini tini
	need_mounted_root
	local spelling
	for word in 'echo $$ /proc/[0-9]*' 'exit 5' 'kill -USR1 $$'; do
		run "${fresh[@]}" "$examples/unshare-before.sh" sh -c "$word" </dev/null 3>&-
		before="$status $output"
		for spelling in same long short; do
			SPELLING=$spelling run "${fresh[@]}" "$examples/unshare-after.sh" sh -c "$word" </dev/null 3>&-
			[[ "$status $output" == "$before" ]]
		done
	done
}
