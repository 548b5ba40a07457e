#!/bin/sh
# What nsinit does, on one screen: COMMAND runs in a new PID namespace, an orphan is reaped, a TERM is forwarded, and the
# status is returned. Run it as root after make. It fails if anything differs from what it prints.
set -eu
cd "$(dirname "$0")/.."
NSINIT=${NSINIT:-./nsinit}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
mkfifo "$tmp/ready" "$tmp/hold" "$tmp/orphan"

say() {
	printf '\n== %s\n' "$*"
}

cat >"$tmp/command" <<'COMMAND'
parent() {
	sed -n 's/^PPid:[[:space:]]*//p' "/proc/$1/status"
}

trap 'echo "COMMAND: got TERM, leaving with 42"; exit 42' TERM
echo "COMMAND: my PID is $$, my parent's is $PPID"
[ $$ -eq 2 ] && [ $PPID -eq 1 ]

echo "COMMAND: my /proc shows only these processes:"
for dir in /proc/[0-9]*; do
	printf '  %5s  %s\n' "${dir#/proc/}" "$(tr '\0' ' ' <"$dir/cmdline" | cut -c 1-60)"
done 2>/dev/null

(sh -c 'echo $$ >&4; read -r _ <"$1"' - "$1/hold" 4>"$1/orphan" &)
read -r orphan <"$1/orphan"
while [ "$(parent "$orphan")" != 1 ]; do :; done
echo "COMMAND: I left an orphan, PID $orphan, whose parent is now PID $(parent "$orphan")"
echo >"$1/hold"
while [ -e "/proc/$orphan" ]; do :; done
echo "COMMAND: it has ended, and was reaped: there is no zombie"
echo >&3
while :; do sleep 1000 & wait; done
COMMAND

say "nsinit -u -w -- sh command"
"$NSINIT" -u -w -- sh -eu "$tmp/command" "$tmp" 3>"$tmp/ready" &
pid=$!
read -r _ <"$tmp/ready"
say "kill -TERM $pid, which is the outer nsinit"
kill -TERM "$pid"
status=0
wait "$pid" || status=$?
say "nsinit's status is COMMAND's: $status"
[ "$status" -eq 42 ]
