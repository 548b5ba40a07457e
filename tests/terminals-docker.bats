# bats file_tags=docker
# `docker run -it`: nsinit is PID 1 of a container, and the session leader on a terminal of the engine.

# shellcheck disable=SC2086,SC2153,SC2154 # $u is a word or none
load helper
load docker
load terminal

setup_file() {
	! lacks need_engine || return 0
	docker_up
	docker_base nsinit-test/shells bash dash busybox-static coreutils
}

teardown_file() {
	docker_down
}

setup() {
	need_engine
	helper_setup
	set_long
}

# run_it ARG...: docker run -it with nsinit as the entry point. New namespaces below it need permission to mount. The
# client must not forward its own signals, for example WINCH, in addition to those of the terminal.
run_it() {
	open_terminal env DOCKER_HOST="${DOCKER_HOST-}" docker run --interactive --tty --network=none \
		--sig-proxy=false ${u:+--cap-add SYS_ADMIN --security-opt systempaths=unconfined --security-opt apparmor=unconfined} \
		--volume "$NSINIT:/nsinit:ro" --volume "$PROBES:/probes:ro" --volume "$BATS_TEST_TMPDIR:$BATS_TEST_TMPDIR" \
		--env PS1='inside> ' --env TERM=dumb --entrypoint /nsinit nsinit-test/shells $u "$@"
}

shell() {
	# shellcheck disable=SC2046 # the words of a command
	run_it $(shell_words "$1")
	see 'inside> '
	job_control
	type_line 'exit 3'
	ended_as 'exited 3'
}

@test "docker run -it: bash has job control, without a warning" { plain shell bash; }
@test "docker run -it: bash has job control, without a warning (-u)" { unshared shell bash; }
@test "docker run -it: dash has job control, without a warning" { plain shell dash; }
@test "docker run -it: dash has job control, without a warning (-u)" { unshared shell dash; }
@test "docker run -it: busybox sh has job control, without a warning" { plain shell busybox; }
@test "docker run -it: busybox sh has job control, without a warning (-u)" { unshared shell busybox; }

ctrl_z() {
	run_it cat
	type_line one
	see 'one\r\none\r\n'
	press C-z
	see '^Z'
	type_line two
	see 'two\r\ntwo\r\n'
	press C-d
	ended_as 'exited 0'
}

@test "docker run -it: Ctrl-Z does not stop COMMAND" { plain ctrl_z; }
@test "docker run -it: Ctrl-Z does not stop COMMAND (-u)" { unshared ctrl_z; }

ctrl_c() {
	run_it sleep "$long"
	find_sleep
	[[ $(stat_field "$command" 6) == "$command" ]]
	press C-c
	ended_as 'exited 130'
}

@test "docker run -it: Ctrl-C ends COMMAND: 130" { plain ctrl_c; }
@test "docker run -it: Ctrl-C ends COMMAND: 130 (-u)" { unshared ctrl_c; }

# Docker sets the size after the start, so the first WINCH may come from that.
once() {
	local heard=$BATS_TEST_TMPDIR/heard
	run_it /probes/siglog "$heard"
	listening "$heard"
	press C-c
	wait_for heard 1 2 kernel "$heard"
	resize 31 101
	wait_for grep -q '^28 128 ' "$heard"
	flushed "$outer" "$heard"
	heard 0 28 process "$heard"
	heard 1 2 any "$heard"
	heard 0 1 any "$heard"
	heard 0 18 any "$heard"
}

@test "docker run -it: Ctrl-C and a new size arrive only from the terminal, and HUP does not arrive" { plain once; }
@test "docker run -it: Ctrl-C and a new size arrive only from the terminal, and HUP does not arrive (-u)" { unshared once; }
