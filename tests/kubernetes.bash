# shellcheck shell=bash disable=SC2034,SC2154
# A Kubernetes node for the tests: tests/kubernetes/node.py runs containerd and calls its Container Runtime Interface, as a
# kubelet does.
#
# setup_file calls node_up, teardown_file node_down; in between `cri` sends requests to the node. Nothing is shared with a
# containerd that may already be running.

# need_node: go on only if node_up has what it starts.
need_node() {
	need_root
	need_mounted_root
	need containerd containerd
	need runc runc
	need protoc protobuf-compiler
	need_file /usr/lib/python3/dist-packages/google/protobuf python3-protobuf
	need_file /usr/lib/python3/dist-packages/grpc python3-grpcio
	need_file /bin/busybox busybox-static
}

# node_up: start the node; containerd itself is started by `cri up IMAGE`.
node_up() {
	# The name of a socket has 108 bytes, too few for the directories of bats.
	node_dir=$(mktemp -d /tmp/nsinit-node.XXXXXX)
	node_cgroup=${node_dir#/tmp/}
	export node_dir node_cgroup
	mkfifo "$node_dir/ask" "$node_dir/answer"
	protoc --proto_path="$root/tests/kubernetes" --python_out="$node_dir" cri.proto
	# Another python3 in PATH may lack gRPC.
	env -u NSINIT_TEST unshare --mount /usr/bin/python3 -B "$root/tests/kubernetes/node.py" "$node_dir" "$node_cgroup" \
		>"$node_dir/node.log" 2>&1 </dev/null 3>&- &
	export node_pid=$!
	if ! wait_for node_ready || ended "$node_pid"; then
		cat "$node_dir/node.log" >&2
		return 1
	fi
}

node_ready() {
	[[ -e $node_dir/ready ]] || ended "$node_pid"
}

# node_down: end all that node_up and the requests have started, and remove its control groups and files.
node_down() {
	[[ -n ${node_dir-} ]] || return 0
	kill -KILL "$node_pid" 2>/dev/null || :
	wait_for node_killed
	find /sys/fs/cgroup -mindepth 1 -depth -type d -path "*/$node_cgroup*" -exec rmdir {} + || return
	rm -rf "$node_dir"
}

# node_processes: the PIDs of all processes in the node's control groups.
node_processes() {
	find /sys/fs/cgroup -type f -path "*/$node_cgroup/*" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -nu
}

node_killed() {
	local -a left
	mapfile -t left < <(node_processes)
	((${#left[@]} > 0)) || return 0
	kill -KILL "${left[@]}" 2>/dev/null || :
	return 1
}

# cri METHOD [ARG]...: send a request to the node; $answer is its answer. The methods are those of the class Node in
# tests/kubernetes/node.py.
cri() {
	local token=$BASHPID.$RANDOM fd reply=
	! ended "$node_pid" || {
		echo "cri $*: the node has ended" >&2
		return 1
	}
	{
		printf '%s\x1f' "$token" "$@"
		printf '\x1e'
	} 1<>"$node_dir/ask"
	exec {fd}<>"$node_dir/answer"
	# An answer with another token was for a test that has timed out.
	until [[ $reply == "$token"$'\x1f'* ]]; do
		if ! IFS= read -r -t 120 -d $'\x1e' reply <&"$fd"; then
			exec {fd}<&-
			echo "cri $*: no answer" >&2
			cat "$node_dir/node.log" >&2
			return 1
		fi
	done
	exec {fd}<&-
	reply=${reply#*$'\x1f'}
	answer=${reply#*$'\x1f'}
	[[ ${reply%%$'\x1f'*} == 0 ]] || {
		echo "$answer" >&2
		return 1
	}
}

# sandbox [KEY=VALUE]...: run one; its ID is $sandbox, its containers' logs are in $logs, and $infra is the PID of its process.
sandbox() {
	cri sandbox "test$BATS_TEST_NUMBER" "$@"
	sandbox=$answer logs=$node_dir/logs/$answer
	cri sandbox_pid "$sandbox"
	infra=$answer
}

# container NAME [KEY=VALUE]... [-- WORD]...: create and start it in $sandbox; $container is its ID, $log its log.
container() {
	cri create "$sandbox" "$@"
	container=$answer log=$logs/$1.0
	cri start "$container"
}

# ready N: whether N processes of the container have written READY.
ready() {
	[[ $(grep -cs ' F READY ' "$log") == "$1" ]]
}

# container_up: wait until COMMAND of the container that was started last is ready; $pid is the PID of its first process. A
# TERM that comes before nsinit's first system call would be discarded by the kernel.
container_up() {
	wait_for ready "${1:-1}"
	cri pid "$container"
	pid=$answer
}

# stops STATUS [TIMEOUT]: StopContainer ends the container, with this status and reason.
stops() {
	cri stop "$container" "${2:-600}"
	[[ $answer == "$1" ]] || {
		echo "expected $1, got $answer" >&2
		return 1
	}
}

# logged SIG N: whether N processes of the container have received SIG.
logged() {
	[[ $(grep -cs " F $1 " "$log") == "$2" ]]
}
