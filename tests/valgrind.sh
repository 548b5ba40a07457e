#!/bin/bash
# Runs nsinit below valgrind, which follows the outer and the inner nsinit, but not the child that becomes COMMAND. It
# needs root.
set -uo pipefail
cd "${BASH_SOURCE[0]%/*}/.." || exit
mkdir -p build/valgrind
gcc -D_GNU_SOURCE -c -o build/valgrind.o tests/valgrind.c || exit
make -s BUILD=build/valgrind BIN=build/valgrind/nsinit CC=gcc STATIC=-pie CFLAGS='-g -O1 -fPIE' \
	LDLIBS=build/valgrind.o LDFLAGS=-Wl,--wrap=clone || exit
make -s probes || exit
probes=$PWD/build/probes scratch=$(mktemp -d) failed=0
trap 'rm -rf "$scratch"' EXIT

while read -r want args; do
	# shellcheck disable=SC2086 # words
	setsid -w valgrind -q --error-exitcode=99 --suppressions=tests/valgrind.supp build/valgrind/nsinit $args \
		</dev/null >"$scratch/out" 2>&1
	got=$?
	echo "$args: $got"
	if [[ $got != "$want" ]] || grep -q '^==' "$scratch/out"; then
		cat "$scratch/out"
		failed=1
	fi
done <<EOF
0 --help
0 --version
125 --none
125 -r TERM
7 -v $probes/die 7
137 $probes/die -s 9
127 ./none
7 -vv -t 5 --pid-file $scratch/pid $probes/outlive -d -s 7 2 $scratch/log
7 -w $probes/orphans -s 7 20
7 -u --net --hostname test --wd / $probes/die 7
7 -u --export-proc $scratch/made/proc $probes/die 7
EOF
exit "$failed"
