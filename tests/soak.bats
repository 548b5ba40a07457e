#!/usr/bin/env bats
# bats file_tags=tree
# A short run of `make soak`.

load helper

@test "four nsinits at once live through orphans, signals, stops, namespaces and terminals, and every count is right" {
	need_root
	need script bsdutils
	need_mounted_root
	SOAK=${SOAK:-5} ORPHANS=${ORPHANS:-5000} run "$root/tests/soak/run"
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${lines[-1]}" = OK ]
}
