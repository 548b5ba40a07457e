# bats file_tags=docker
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
# nsinit as Kubernetes runs it: pods through containerd's Container Runtime Interface, with the calls that a kubelet makes.

load helper
load kubernetes

setup_file() {
	! lacks need_node || return 0
	local dir=$BATS_FILE_TMPDIR/image name
	node_up
	mkdir -p "$dir"/tools/{bin,probes,tmp,proc,sys,dev,etc} "$dir"/{nsinit,pause}
	chmod 1777 "$dir/tools/tmp"
	cp /bin/busybox "$dir/tools/bin"
	for name in sh sleep tail setsid kill; do
		ln -s busybox "$dir/tools/bin/$name"
	done
	cp "$PROBES"/{siglog,orphans} "$dir/tools/probes"
	cp "$NSINIT" "$dir/tools/nsinit"
	cp "$NSINIT" "$dir/nsinit/nsinit"
	cp "$NSINIT" "$dir/pause/pause"
	cri up localhost/nsinit:1
	cri image localhost/nsinit:1 "$dir/nsinit" '{"Entrypoint": ["/nsinit", "-P"]}'
	cri image localhost/pause:1 "$dir/pause" '{"Entrypoint": ["/pause"]}'
	cri image localhost/tools:1 "$dir/tools" '{"Env": ["PATH=/bin"]}'
	cri image localhost/server:1 "$dir/tools" '{"Env": ["PATH=/bin"], "StopSignal": "SIGQUIT",
		"Entrypoint": ["/nsinit", "--stop-signal", "QUIT", "--grace", "600", "--"]}'
}

teardown_file() {
	node_down
}

setup() {
	need_node
	helper_setup
}

teardown() {
	local failed=0
	if [[ -n ${node_dir-} ]]; then
		[[ -n ${BATS_TEST_COMPLETED-} ]] || tail -n 20 "$node_dir/node.log" "${logs:-$node_dir/logs}"/* 2>/dev/null || :
		cri remove_all || failed=1
		cri use localhost/nsinit:1 || failed=1
	fi
	helper_teardown && ((failed == 0))
}

# A COMMAND that logs each signal, and exits with 5 on TERM.
server=(/probes/siglog -x 15 -s 5 -)
# A COMMAND that ignores all signals.
stubborn=(/probes/siglog -)
# A COMMAND that first leaves 20 orphans, and one that leaves a process in a new session.
forking=(sh -c '/probes/orphans 20 && exec /probes/siglog -x 15 -s 5 -')
leaving=(sh -c 'setsid /probes/siglog -x 15 - & exec /probes/siglog -x 15 -s 5 -')

same_pidns() {
	[[ $(readlink "/proc/$1/ns/pid") == "$(readlink "/proc/$2/ns/pid")" ]]
}

# pid_inside PID: print its PID in its own PID namespace.
pid_inside() {
	local -a numbers
	read -ra numbers <<<"$(field "$1" NSpid)"
	echo "${numbers[-1]}"
}

# --- the sandbox ---

@test "a sandbox whose infra container runs nsinit -P is ready, and ends when it is stopped" {
	sandbox pid=POD
	cmp "/proc/$infra/exe" "$NSINIT"
	[[ $(pid_inside "$infra") == 1 ]]
	cri sandbox_status "$sandbox"
	[[ $answer == SANDBOX_READY ]]
	cri stop_sandbox "$sandbox"
	ended "$infra"
	cri sandbox_status "$sandbox"
	[[ $answer == SANDBOX_NOTREADY ]]
}

@test "a sandbox image whose entry point is nsinit under the name /pause needs no argument" {
	cri use localhost/pause:1
	sandbox pid=POD
	cmp "/proc/$infra/exe" "$NSINIT"
	[[ $(tr '\0' ' ' <"/proc/$infra/cmdline") == "/pause " ]]
	container web -- /probes/siglog -x 15 -s 5 -
	container_up
	cri exec "$container" 0 /probes/orphans 20
	wait_for has_children 0 "$infra"
	stops "5 Error"
	cri sandbox_status "$sandbox"
	[[ $answer == SANDBOX_READY ]]
}

# --- the PID modes ---

@test "PID mode CONTAINER: nsinit is PID 1, and reaps the orphans of COMMAND" {
	sandbox
	container web -- /nsinit -- "${forking[@]}"
	container_up
	cmp "/proc/$pid/exe" "$NSINIT"
	[[ $(pid_inside "$pid") == 1 ]]
	run ! same_pidns "$pid" "$infra"
	wait_for has_children 1 "$pid"
	stops "5 Error"
	logged 15 1
}

@test "PID mode POD: two containers share the namespace, each nsinit adopts its own orphans, and each can be stopped separately" {
	local first first_pid
	sandbox pid=POD
	container first -- /nsinit -- "${forking[@]}"
	container_up
	first=$container first_pid=$pid
	container second -- /nsinit -- "${forking[@]}"
	container_up
	same_pidns "$pid" "$infra"
	same_pidns "$pid" "$first_pid"
	[[ $(pid_inside "$pid") != 1 ]]
	wait_for has_children 1 "$first_pid"
	wait_for has_children 1 "$pid"
	has_children 0 "$infra"
	stops "5 Error"
	cri status "$first"
	[[ $answer == CONTAINER_RUNNING* ]]
	container=$first
	stops "5 Error"
	cri sandbox_status "$sandbox"
	[[ $answer == SANDBOX_READY ]]
}

@test "PID mode POD: the infra container reaps 200 orphans of a command that ExecSync has run" {
	sandbox pid=POD
	container web -- /nsinit -- "${server[@]}"
	container_up
	cri exec "$container" 0 /probes/orphans 200
	[[ $answer == "0 DONE 200" ]]
	wait_for has_children 0 "$infra"
	has_children 1 "$pid"
	stops "5 Error"
}

@test "PID mode NODE: nsinit is not PID 1, and reaps the orphans of COMMAND" {
	sandbox pid=NODE
	container web -- /nsinit -- "${forking[@]}"
	container_up
	same_pidns "$pid" $$
	wait_for has_children 1 "$pid"
	stops "5 Error"
}

@test "PID mode TARGET: the orphans of a debugging container are reaped, and it does not delay the target's stop" {
	local target target_pid target_log debugger
	sandbox
	container web -- /nsinit -t 600 -- "${server[@]}"
	container_up
	target=$container target_pid=$pid
	container debug pid=TARGET target="$target" -- sh -c '/probes/orphans 20 && exec /probes/siglog -'
	container_up
	debugger=$container
	same_pidns "$pid" "$target_pid"
	wait_for has_children 1 "$target_pid"
	container=$target
	stops "5 Error"
	logged 15 1 # the debugger's log: nsinit has asked it to end
	cri wait "$debugger"
	[[ $answer == "137 Error" ]]
}

@test "with a grace, processes that COMMAND leaves behind get TERM in each PID mode" {
	local mode
	for mode in CONTAINER POD NODE; do
		sandbox pid="$mode"
		container web -- /nsinit -t 600 -- "${leaving[@]}"
		container_up 2
		stops "5 Error"
		logged 15 2
	done
}

@test "NSINIT_ variables of a container are read only if nsinit is PID 1" {
	local mode
	for mode in CONTAINER POD; do
		sandbox pid="$mode"
		container web env=NSINIT_VERBOSE=1 -- /nsinit -- "${server[@]}"
		container_up
		stops "5 Error"
		case $mode in
		CONTAINER) said ' stderr F nsinit: ' "$log" ;;
		POD) run ! said ' stderr F nsinit: ' "$log" ;;
		esac
	done
}

# --- ExecSync ---

@test "ExecSync returns status and output, and 200 orphans of its command are reaped" {
	sandbox
	container web -- /nsinit -- "${server[@]}"
	container_up
	cri exec "$container" 0 sh -c 'echo out; exit 42'
	[[ $answer == "42 out" ]]
	cri exec "$container" 0 /probes/orphans 200
	[[ $answer == "0 DONE 200" ]]
	wait_for has_children 1 "$pid"
	stops "5 Error"
}

@test "an ExecSync that times out ends its command, but neither COMMAND nor nsinit" {
	sandbox
	container web -- /nsinit -- "${server[@]}"
	container_up
	run ! cri exec "$container" 1 /bin/sleep 1000
	[[ $output == *DEADLINE_EXCEEDED* || $output == *"timeout 1s exceeded"* ]]
	# The killed process is a child of the runtime, and does not affect the container.
	wait_for has_children 1 "$pid"
	cri status "$container"
	[[ $answer == CONTAINER_RUNNING* ]]
	stops "5 Error"
}

# --- StopContainer ---

@test "StopContainer: the status is COMMAND's if it ends on TERM, and 143 if TERM kills it" {
	sandbox
	container web -- /nsinit -- "${server[@]}"
	container_up
	stops "5 Error"
	logged 15 1
	container sleeper -- /nsinit -- sh -c 'echo READY x; exec sleep 1000'
	container_up
	wait_for runs "$(children "$pid")" sleep
	stops "143 Error"
}

@test "StopContainer: an image's STOPSIGNAL and entry point are used, and only the arguments are the pod's" {
	sandbox
	container web image=localhost/server:1 args=1 -- /probes/siglog -x 3 -s 0 -
	container_up
	cmp "/proc/$pid/exe" "$NSINIT"
	stops "0 Completed"
	logged 3 1
	logged 15 0
}

@test "StopContainer: a COMMAND that ignores TERM is killed by nsinit at the end of its grace, before the pod's" {
	sandbox
	container web -- /nsinit -t 0.5 -- "${stubborn[@]}"
	container_up
	stops "137 Error" 600
	logged 15 1
}

@test "StopContainer: without a grace of nsinit a COMMAND that ignores TERM is killed by the runtime" {
	sandbox
	container web -- /nsinit -- "${stubborn[@]}"
	container_up
	stops "137 Error" 1
	logged 15 1
}

@test "the end of a pod: preStop, the stop signal, the grace and KILL follow each other" {
	sandbox
	container web -- /nsinit -t 0.5 -- "${stubborn[@]}"
	container_up
	# The kubelet runs preStop as a command in the container, and then StopContainer with the time that is left.
	cri exec "$container" 600 sh -c 'kill -USR1 1; echo slept'
	[[ $answer == "0 slept" ]]
	wait_for logged 10 1
	stops "137 Error"
	logged 15 1
}

# --- statuses ---

@test "every status is reported, with the reason Completed for 0 and Error for the others" {
	local status name
	local -A expected=() started=()
	# status_of NAME STATUS WORD...
	status_of() {
		container "$1" -- "${@:3}"
		started[$1]=$container expected[$1]=$2
	}
	sandbox
	for status in 0 1 42 125 126 127 255; do
		status_of "own$status" "$status" /nsinit -- sh -c "exit $status"
	done
	status_of segv 139 /nsinit -- sh -c 'kill -SEGV $$'
	status_of failed 125 /nsinit --no-such-option
	status_of denied 126 /nsinit -- /etc
	status_of missing 127 /nsinit -- no-such-command
	status_of remapped 0 /nsinit -e 143 -- sh -c 'kill -TERM $$'
	for name in "${!started[@]}"; do
		cri wait "${started[$name]}"
		echo "$name: $answer"
		case ${expected[$name]} in
		0) [[ $answer == "0 Completed" ]] ;;
		*) [[ $answer == "${expected[$name]} Error" ]] ;;
		esac
	done
}

# need_memory_limit: skip the test unless the memory controller is available to the node's control groups.
need_memory_limit() {
	[[ -d /sys/fs/cgroup/memory ]] || grep -qsw memory /sys/fs/cgroup/cgroup.subtree_control ||
		missing "needs the memory controller in /sys/fs/cgroup/cgroup.subtree_control"
}

@test "a COMMAND that exceeds the memory limit ends the container as OOMKilled, one of its children does not" {
	need_memory_limit
	sandbox
	container web memory=25165824 -- /nsinit -- tail /dev/zero
	cri wait "$container"
	[[ $answer == "137 OOMKilled" ]]
	container parent memory=25165824 -- /nsinit -- sh -c 'tail /dev/zero; echo "child $?"; exec /probes/siglog -x 15 -s 5 -'
	container_up
	said ' F child 137' "$log"
	# The reason that the runtime reports is about the control group; the status is COMMAND's.
	cri stop "$container" 600
	[[ $answer == "5 "* ]]
}

@test "a container is restarted in the same sandbox" {
	sandbox pid=POD
	container web -- /nsinit -- sh -c 'exit 1'
	cri wait "$container"
	[[ $answer == "1 Error" ]]
	cri remove "$container"
	cri create "$sandbox" web attempt=1 -- /nsinit -- "${server[@]}"
	container=$answer log=$logs/web.1
	cri start "$container"
	container_up
	stops "5 Error"
}

# --- security contexts ---

@test "the restricted profile changes nothing: uid 1000, no capabilities, seccomp, no_new_privs, a read-only root" {
	sandbox
	container web restricted=1 -- /nsinit -t 600 -- "${forking[@]}"
	container_up
	[[ $(field "$pid" Seccomp) == 2 && $(field "$pid" NoNewPrivs) == 1 ]]
	[[ $(field "$pid" CapBnd) == 0000000000000000 && $(field "$pid" Uid) == "1000 1000 1000 1000" ]]
	wait_for has_children 1 "$pid"
	cri exec "$container" 0 /probes/orphans 20
	[[ $answer == "0 DONE 20" ]]
	wait_for has_children 1 "$pid"
	stops "5 Error"
	run ! said ' F nsinit: ' "$log"
}

@test "-u makes namespaces in a privileged container" {
	sandbox privileged=1
	container web privileged=1 -- /nsinit -u -t 600 -- "${leaving[@]}"
	container_up 2
	said ' F READY 2' "$log"
	stops "5 Error"
	logged 15 2
}

# --- the node ---

@test "containers survive when containerd is killed and started again" {
	sandbox
	container web -- /nsinit -- "${server[@]}"
	container_up
	cri down SIGKILL
	in_state "$pid" S
	kill -USR1 "$pid"
	cri up localhost/nsinit:1
	cri status "$container"
	[[ $answer == CONTAINER_RUNNING* ]]
	wait_for logged 10 1
	cri exec "$container" 0 /probes/orphans 20
	[[ $answer == "0 DONE 20" ]]
	wait_for has_children 1 "$pid"
	stops "5 Error"
}

@test "StopPodSandbox twice and RemovePodSandbox leave no task, process, shim, mount or control group" {
	local mode name
	node_groups() {
		find /sys/fs/cgroup -mindepth 1 -type d -path "*/$node_cgroup/*" ! -path '*/node'
	}
	for mode in POD CONTAINER NODE; do
		sandbox pid="$mode"
		container web -- /nsinit -t 0.5 -- "${server[@]}"
		container_up
		container stubborn -- /nsinit -- "${stubborn[@]}"
		container_up
		[[ -n $(node_groups) && $(node_processes | wc -l) -gt 3 ]]
		cri stop_sandbox "$sandbox"
		cri stop_sandbox "$sandbox"
		cri remove_sandbox "$sandbox"
		ended "$pid"
		ended "$infra"
	done
	cri ctr tasks ls --quiet
	[[ -z $answer ]]
	cri mounts
	[[ -z $answer ]]
	one_process() {
		[[ $(node_processes | wc -l) == 1 ]]
	}
	wait_for one_process
	runs "$(node_processes)" containerd
	[[ -z $(node_groups) ]]
}

# --- the examples ---

need_yaml() {
	need_file /usr/lib/python3/dist-packages/yaml python3-yaml
}

# bats test_tags=tree
@test "in every example preStop and nsinit's grace end before terminationGracePeriodSeconds" {
	need_yaml
	run -0 /usr/bin/python3 - "$root"/examples/kubernetes/*.yaml <<-'END'
		import sys, yaml

		for path in sys.argv[1:]:
		    document = yaml.safe_load(open(path))
		    spec = document["spec"] if document["kind"] == "Pod" else document["spec"]["template"]["spec"]
		    for container in spec["containers"]:
		        words = container["command"]
		        assert words[0].split("/")[-1] == "nsinit" and words[-1] == "--", words
		        grace = float(words[words.index("--grace") + 1]) if "--grace" in words else 0
		        hook = container.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"])
		        assert hook[0] == "sleep", hook
		        print(path, container["name"], hook[1], grace)
		        assert float(hook[1]) + grace < spec["terminationGracePeriodSeconds"], path
	END
	[[ $output == *deployment.yaml* && $output == *job.yaml* && $output == *pod.yaml* ]]
}

# bats test_tags=tree
@test "containerd accepts the example of a node's configuration" {
	run -0 containerd --config "$root/examples/kubernetes/containerd.toml" config dump
	[[ $output == *'sandbox_image = "localhost/pause:nsinit"'* ]]
}
