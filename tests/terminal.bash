# shellcheck shell=bash disable=SC2034,SC2154
# A terminal on which tests can type, by probes/pty.c. Load it after helper; the teardown of a file that uses it calls
# close_terminal first. No function waits for a fixed time: `see` waits for output on the screen, and wait_for for a
# state in /proc.

# --- nsinit without and with a PID namespace ---

# plain COMMAND, unshared COMMAND: run COMMAND with nsinit's options for this mode in $u.
plain() {
	u=
	"$@"
}

unshared() {
	need_root
	u=-u
	"$@"
}

# --- the terminal ---

# The environment of the programs on a terminal: no history, no colours, and a prompt that no test types.
prompt='ready> '
on_terminal() {
	env -i PATH="$PATH" HOME="$BATS_TEST_TMPDIR" HISTFILE=/dev/null INPUTRC=/dev/null TERM=dumb LC_ALL=C \
		PS1="$prompt" PS2='' NSINIT="$NSINIT" PROBES="$PROBES" NSINIT_TEST="$NSINIT_TEST" PTY_TIMEOUT="${WAIT:-30}" "$@"
}

# open_terminal [-n] COMMAND [ARG]...: start COMMAND as the session leader on a new terminal, or without a terminal
# (-n).
open_terminal() {
	local opt=()
	if [[ $1 == -n ]]; then
		opt=(-n)
		shift
	fi
	close_terminal
	screen=$BATS_TEST_TMPDIR/screen.$((++terminals))
	cd "$BATS_TEST_TMPDIR" || return
	mkfifo "$screen.orders" "$screen.answers"
	on_terminal "$PROBES/pty" "${opt[@]}" "$screen" "$@" <"$screen.orders" >"$screen.answers" 3>&- &
	terminal=$!
	exec {orders}>"$screen.orders" {answers}<"$screen.answers"
}

# ask ORDER: send ORDER to pty, and set $answer. If the answer is "no", fail and show the screen.
ask() {
	answer=
	printf '%s\n' "$1" >&"$orders"
	IFS= read -r -t 120 -u "$answers" answer || answer='no: pty is gone'
	if [[ $answer == no* ]]; then
		printf '%s: %s. The screen:\n' "$1" "$answer" >&2
		cat -v "$screen" >&2
		ps -eo pid,ppid,pgid,sid,tty,tpgid,stat,args | awk 'NR == 1 || $5 ~ "pts"' >&2
		return 1
	fi
}

# see TEXT: wait until TEXT is shown, after the text that was seen last.
see() {
	ask "see $1"
}

# shown TEXT: whether TEXT has been on the screen since the terminal was opened.
shown() {
	said "$1" "$screen"
}

# not_shown TEXT: fail if TEXT has been shown.
not_shown() {
	if shown "$1"; then
		echo "shown: $1" >&2
		return 1
	fi
}

# type_text TEXT, type_line TEXT: type TEXT on the keyboard; \r, \n, \\ and \xHH are escapes as in C.
type_text() {
	ask "type $1"
}

type_line() {
	type_text "$1"'\r'
}

# press KEY: press C-c, C-z, C-\ or C-d.
press() {
	case $1 in
	C-c) type_text '\x03' ;;
	C-d) type_text '\x04' ;;
	C-z) type_text '\x1a' ;;
	C-\\) type_text '\x1c' ;;
	*)
		echo "press: no such key: $1" >&2
		return 1
		;;
	esac
}

# foreground: print the terminal's foreground process group; leader: print the PID of its session leader.
foreground() {
	ask foreground && echo "$answer"
}

leader() {
	ask leader && echo "$answer"
}

in_foreground() {
	[[ $(foreground) == "$1" ]]
}

resize() {
	ask "size $1 $2"
}

hang_up() {
	ask hangup
}

# ended_as HOW: wait for the leader's end, which must be HOW: "exited N", "killed N" or "killed N core".
ended_as() {
	ask wait
	if [[ $answer != "$1" ]]; then
		echo "ended as '$answer', not as '$1'. The screen:" >&2
		cat -v "$screen" >&2
		return 1
	fi
}

# close_terminal: hang up, and end every process that was started on the terminal.
close_terminal() {
	[[ -n ${terminal-} ]] || return 0
	printf 'quit\n' >&"$orders" || :
	exec {orders}>&- {answers}<&-
	wait "$terminal" || :
	terminal=
}

teardown() {
	close_terminal
	helper_teardown
}

# --- shells ---

# The words that start each shell without its configuration. It is interactive if it has a terminal.
shell_words() {
	case $1 in
	bash) echo bash --norc --noprofile ;;
	dash) echo dash ;;
	busybox) echo busybox sh ;;
	zsh) echo zsh -f -o nopromptsp -o nopromptcr ;;
	fish) echo fish --private ;;
	esac
}

# open_shell SHELL: start SHELL on a terminal, and wait for its prompt.
open_shell() {
	need dash dash
	need busybox busybox-static
	need "$1" "$1"
	# fish calls a function to print its prompt.
	if [[ $1 == fish ]]; then
		mkdir -p "$BATS_TEST_TMPDIR/.config/fish"
		printf 'set fish_greeting\nfunction fish_prompt; printf "%s"; end\n' "$prompt" >"$BATS_TEST_TMPDIR/.config/fish/config.fish"
	fi
	# shellcheck disable=SC2046 # the words of a command
	open_terminal $(shell_words "$1")
	see "$prompt"
}

# at_prompt LINE: type LINE, and wait for the next prompt.
at_prompt() {
	type_line "$1"
	see "$prompt"
}

# last_status N [LINE]: whether the shell's $? is N; LINE prints it in a shell that is not sh. The typed line differs
# from the answer, so that its echo does not match.
last_status() {
	type_line "${2:-echo \"the status is \$?.\"}"
	see "the status is $1."
	see "$prompt"
}

# no_warning: fail if the shell has complained that it has no terminal.
no_warning() {
	not_shown 'cannot set terminal'
	not_shown 'Cannot set tty'
	not_shown 'job control'
	not_shown "can't access tty"
}

# job_control: check that the shell at 'inside> ' has job control.
job_control() {
	no_warning
	type_line "sleep $long"
	find_command sleep "$long"
	press C-z
	see 'inside> '
	wait_for in_state "$found" T
	type_line jobs
	see topped
	see 'inside> '
	type_line fg
	wait_for in_state "$found" S
	press C-c
	see 'inside> '
	wait_for ended "$found"
	no_warning
}

# --- processes on it ---

# find_command NAME ARG: wait until the program NAME runs with ARG among its arguments, and set $found to its PID.
find_command() {
	wait_for _find_command "$1" "$2"
}

_find_command() {
	while IFS=/ read -r _ _ found _; do
		! runs "$found" "$1" || return 0
	done < <(grep -lszxF -e "$2" /proc/[0-9]*/cmdline)
	return 1
}

# Set $long to a number of seconds for which no other process sleeps.
set_long() {
	long=$((100000000 + $$ * 10 + ${1:-0}))
}

# find_sleep: set $command to the PID of `sleep $long`, $inner to that of its parent nsinit, $outer to that of the
# outermost.
find_sleep() {
	find_command "${1:-sleep}" "${2:-$long}"
	command=$found
	find_nsinit
}

find_nsinit() {
	local parent name
	inner=$(stat_field "$command" 4)
	name=$(<"/proc/$inner/comm")
	outer=$inner
	parent=$(stat_field "$outer" 4)
	while runs "$parent" "$name"; do
		outer=$parent
		parent=$(stat_field "$outer" 4)
	done
}

# --- the log of siglog (probes/siglog.c) ---

# listening FILE: wait until the siglog that writes FILE is ready. Set $command to its PID; $inner and $outer are as in
# find_sleep.
listening() {
	wait_for said READY "$1"
	find_sleep siglog "$1"
}

# heard N SIG WHO FILE: whether siglog received SIG N times from WHO: kernel, process, or any.
heard() {
	local code
	case $3 in
	kernel) code=128 ;;
	process) code='(0|-[0-9]+)' ;;
	any) code='-?[0-9]+' ;;
	esac
	[[ $(grep -cxE "$2 $code .*" "$4") == "$1" ]]
}

# heard_nothing FILE: whether it received no signal at all.
heard_nothing() {
	[[ $(<"$1") == "READY "+([0-9]) ]]
}

# flushed PID FILE: wait until nsinit PID has forwarded every earlier signal. It forwards the lowest number first, and
# 64 is the highest.
flushed() {
	local before
	before=$(grep -c '^64 ' "$2") || :
	kill -64 "$1"
	wait_for heard $((before + 1)) 64 process "$2"
}
