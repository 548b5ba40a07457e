# shellcheck shell=bash disable=SC2034,SC2154
# A terminal to type on, for tests (probes/pty.c is its engine). Loaded after helper; a file that uses it calls
# close_terminal first in its teardown. Nothing here waits for a time: `see` waits for what the screen shows, and
# wait_for for what /proc says.

# --- with nsinit alone, and with a PID namespace ---

# plain COMMAND, unshared COMMAND: runs it with $u, what nsinit is given.
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

# What the shells and programs on a terminal are given: no history, no colours, a prompt that none of them has typed.
prompt='ready> '
on_terminal() {
	env -i PATH="$PATH" HOME="$BATS_TEST_TMPDIR" HISTFILE=/dev/null INPUTRC=/dev/null TERM=dumb LC_ALL=C \
		PS1="$prompt" PS2='' NSINIT="$NSINIT" PROBES="$PROBES" NSINIT_TEST="$NSINIT_TEST" PTY_TIMEOUT="${WAIT:-30}" "$@"
}

# open_terminal [-n] COMMAND [ARG]...: COMMAND leads the session of a new terminal, or of none with -n.
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

# ask ORDER: the answer is in $answer; a failure, with the screen, where it is no.
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

# see TEXT: wait until TEXT is shown, after what was seen last.
see() {
	ask "see $1"
}

# shown TEXT: whether TEXT has been on the screen since the terminal was opened.
shown() {
	said "$1" "$screen"
}

# not_shown TEXT: a failure where it has.
not_shown() {
	if shown "$1"; then
		echo "shown: $1" >&2
		return 1
	fi
}

# type_text TEXT, type_line TEXT: as typed on the keyboard; \r, \n, \\ and \xHH stand for what they do in C.
type_text() {
	ask "type $1"
}

type_line() {
	type_text "$1"'\r'
}

# press KEY: C-c, C-z, C-\ or C-d.
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

# foreground: the terminal's foreground process group; leader: the PID of what leads its session.
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

# ended_as HOW: wait for the leader's end; it is to be HOW: "exited N", "killed N", "killed N core".
ended_as() {
	ask wait
	if [[ $answer != "$1" ]]; then
		echo "ended as '$answer', not as '$1'. The screen:" >&2
		cat -v "$screen" >&2
		return 1
	fi
}

# close_terminal: hang up, and end all that has been started there.
close_terminal() {
	[[ -n ${terminal-} ]] || return 0
	printf 'quit\n' >&"$orders" || :
	exec {orders}>&- {answers}<&-
	wait "$terminal" || :
	terminal=
}

# --- shells ---

# The words that start each shell as it comes, interactive where it has a terminal.
shell_words() {
	case $1 in
	bash) echo bash --norc --noprofile ;;
	dash) echo dash ;;
	busybox) echo busybox sh ;;
	zsh) echo zsh -f -o nopromptsp -o nopromptcr ;;
	fish) echo fish --private ;;
	esac
}

# open_shell SHELL: a terminal with SHELL's prompt on it.
open_shell() {
	need dash dash
	need busybox busybox-static
	need "$1" "$1"
	# fish asks a function for its prompt.
	if [[ $1 == fish ]]; then
		mkdir -p "$BATS_TEST_TMPDIR/.config/fish"
		printf 'set fish_greeting\nfunction fish_prompt; printf "%s"; end\n' "$prompt" >"$BATS_TEST_TMPDIR/.config/fish/config.fish"
	fi
	# shellcheck disable=SC2046 # the words of a command
	open_terminal $(shell_words "$1")
	see "$prompt"
}

# at_prompt LINE: type it, and wait for the prompt after it.
at_prompt() {
	type_line "$1"
	see "$prompt"
}

# last_status N [LINE]: whether the shell's $? is N; LINE is how a shell that is no sh says it. Typed so that the echo cannot be taken for the answer.
last_status() {
	type_line "${2:-echo \"the status is \$?.\"}"
	see "the status is $1."
	see "$prompt"
}

# no_warning: the shell on the screen has said nothing about a terminal that it lacks.
no_warning() {
	not_shown 'cannot set terminal'
	not_shown 'Cannot set tty'
	not_shown 'job control'
	not_shown "can't access tty"
}

# job_control: the shell at 'inside> ' has it.
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

# find_command NAME ARG: $found is the PID of the program NAME that has ARG among its arguments, once it runs.
find_command() {
	wait_for _find_command "$1" "$2"
}

_find_command() {
	while IFS=/ read -r _ _ found _; do
		! runs "$found" "$1" || return 0
	done < <(grep -lszxF -e "$2" /proc/[0-9]*/cmdline)
	return 1
}

# A number of seconds that no other process sleeps for: $long.
set_long() {
	long=$((100000000 + $$ * 10 + ${1:-0}))
}

# find_sleep: $command is the PID of `sleep $long`, $inner of the nsinit that is its parent, $outer of the outermost.
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

# --- what siglog heard (probes/siglog.c) ---

# listening FILE: the siglog that writes it is up; its PID is $command, and $inner and $outer are as in find_sleep.
listening() {
	wait_for said READY "$1"
	find_sleep siglog "$1"
}

# heard N SIG WHO FILE: whether SIG came N times from WHO: kernel, process, or any.
heard() {
	local code
	case $3 in
	kernel) code=128 ;;
	process) code='(0|-[0-9]+)' ;;
	any) code='-?[0-9]+' ;;
	esac
	[[ $(grep -cxE "$2 $code .*" "$4") == "$1" ]]
}

# heard_nothing FILE: whether it heard none at all.
heard_nothing() {
	[[ $(<"$1") == "READY "+([0-9]) ]]
}

# flushed PID FILE: nsinit PID has passed on all it got before: it takes the lowest number first, and 64 is the highest.
flushed() {
	local before
	before=$(grep -c '^64 ' "$2") || :
	kill -64 "$1"
	wait_for heard $((before + 1)) 64 process "$2"
}
