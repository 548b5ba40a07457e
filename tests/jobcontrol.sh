#!/bin/bash
# Job control at random moments: each scenario is played ROUNDS times without nsinit and with it in each of its modes.
#
#     tests/jobcontrol.sh                           list the scenarios
#     tests/jobcontrol.sh SCENARIO [ROUNDS [MODE]...]
#
# MODE is "" (without nsinit) or options of nsinit, "-" where there are none. Each line of the output is the number of
# failures, the number of rounds and the mode. The status is 1 if any mode failed more often than the run without
# nsinit, or, for a scenario that makes no sense without nsinit, if any run failed. Failures are shown on stderr. NSINIT
# and PROBES name what is tested, and `make all probes` builds both. LIMIT is the time limit of an expectation in
# seconds (5). With FIRST=1 a mode ends at its first failure.
set -euo pipefail
root=$(cd "${BASH_SOURCE[0]%/*}/.." && pwd)
NSINIT=${NSINIT:-$root/nsinit}
PROBES=${PROBES:-$root/build/probes}
export NSINIT
ulimit -c 0

# The rows: name, longest random wait in microseconds, the steps of probes/jobs.c, the modes, and COMMAND. "sh:" makes the
# rest a script for sh. $nsinit stands for nsinit with the mode's options, or for nothing.
scenarios() {
	local all='|-|-u|-g|-g -u' below='|-|-u'
	cat <<-end
		suspend-early;3000;x r z S f c E;$all;\$nsinit sleep 20
		interrupt-early;3000;x r c E;$all;\$nsinit sleep 20
		quit-early;3000;x r q E;$all;\$nsinit sleep 20
		term-early;3000;x r t E;$all;\$nsinit sleep 20
		hangup-early;3000;x r h G;$all;\$nsinit sleep 20
		suspend-twice-early;3000;x r z S f r z S f c E;$all;\$nsinit sleep 20
		interrupt-other-group;0;x =ready= c E;$all;\$nsinit timeout 30 sh -c 'echo ready; exec sleep 20'
		hangup-other-group;0;x =ready= h G;$all;\$nsinit timeout 30 sh -c 'echo ready; exec sleep 20'
		suspend-other-group;0;x =ready= z S f c E;$all;\$nsinit timeout 30 sh -c 'echo ready; exec sleep 20'
		interrupt-other-session;0;x =ready= c E;-|-u;\$nsinit setsid sh -c 'echo ready; exec sleep 20'
		hangup-other-session;0;x =ready= h G;-|-u;\$nsinit setsid sh -c 'echo ready; exec sleep 20'
		suspend-script;20000;l x r z 'hello/' =hello= =hello= d =over= E;$all;sh: \$nsinit cat; echo over
		shell-killed;20000;x r z S k G;$all;\$nsinit sleep 20
		suspended-hangup;20000;x r z S h G;$all;\$nsinit sleep 20
		leader-hangup;12000;l x r h G;$below;\$nsinit sleep 20
		suspend-again;300;x =ready= z S f r z S f r z S f r z S f c E;$all;\$nsinit sh -c 'echo ready; exec sleep 20'
		running-to-foreground;0;b x =ready= g t 'hello/' =got hello= E;$all;\$nsinit sh -c 'trap go=1 TERM; echo ready; while [ -z "\$go" ]; do sleep 0.02; done; read x; echo "got \$x"'
		script-loop;0;l x =ready= c E;$all;bash: for i in 1 2 3; do \$nsinit sh -c 'echo ready; exec sleep 20'; done; echo over
		suspend-in-grace;0;x =ready= z S f c E;-t 20|-u -t 20|-g -t 20|-g -u -t 20;\$nsinit bash -c leave_behind
		pause-leader-interrupt;3000;l x r c E;-P|-u -P;\$nsinit
		pause-leader-hangup;3000;l x r h G;-P|-u -P;\$nsinit
		pause-suspend;3000;x r z S f c E;-P|-u -P;\$nsinit
		stalled;500000;x =y= p r t E;-vv|-u -vv;strace -DD -fqqo /dev/null -e trace=writev -e inject=writev:delay_enter=100000 \$nsinit sh -c 'yes & while :; do (true &); sleep 0.01; done'
	end
}

# COMMAND of suspend-in-grace. What it leaves behind is ready once it has had TERM and CONT, with which the grace begins: that
# CONT would undo a Ctrl-Z. A shell lets what it starts in the background ignore INT, which env undoes.
# shellcheck disable=SC2016,SC2317,SC2329 # for the shell inside
leave_behind() {
	trap 'exit 0' USR1
	env --default-signal=INT bash -c '
		trap "had+=T" TERM
		trap "had+=C" CONT
		kill -USR1 $PPID
		until [[ ${had-} == TC ]]; do sleep 0.01; done
		echo ready
		exec sleep 1000' &
	while :; do sleep 0.01; done
}
export -f leave_behind

# Lengthen the search for COMMAND, so that more of the random moments come before its exec.
long_path() {
	printf '/nonexistent/%03d:' {1..300}
}

# play MODE: set $failed to the number of failures.
play() {
	local mode=$1 nsinit='' script output
	local -a words
	# shellcheck disable=SC2016 # for a shell to expand
	case $mode in
	'') ;;
	-) nsinit='"$NSINIT"' ;;
	*) nsinit="\"\$NSINIT\" $mode" ;;
	esac
	case $command in
	sh:* | bash:*)
		script=${command#*:}
		words=("${command%%:*}" -c "${script//\$nsinit/$nsinit}")
		;;
	*) eval "words=(${command//\$nsinit/$nsinit})" ;;
	esac
	output=$(PATH="$(long_path)$PATH" "$PROBES/jobs" ${FIRST:+-1} -n "$rounds" -m "$longest" -t "${LIMIT:-5}" "$steps" "${words[@]}")
	failed=${output%% *}
	printf '%4d of %d: %s %s\n' "$failed" "${output##* }" "$name" "${mode:-without nsinit}"
}

if (($# == 0)); then
	scenarios | cut -d';' -f1
	exit
fi
wanted=$1 rounds=${2:-400}
shift $(($# < 2 ? $# : 2))
status=2
while IFS=';' read -r name longest steps modes command; do
	[[ $name == "$wanted" ]] || continue
	status=0 bound=0
	IFS='|' read -ra each <<<"$modes"
	(($# == 0)) || each=("$@")
	for mode in "${each[@]}"; do
		play "$mode"
		if [[ -z $mode ]]; then
			bound=$failed
		elif ((failed > bound)); then
			status=1
		fi
	done
done < <(scenarios)
((status != 2)) || echo "jobcontrol.sh: no such scenario: $wanted" >&2
exit "$status"
