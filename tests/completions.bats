# bats file_tags=tree
# Completions: what each shell offers at the end of a line.
# shellcheck disable=SC2016 # $1 is the inner shell's
load helper

# in_bash [WORD]...: print what bash offers for the last WORD. The words are split as by readline, and COMMAND's
# completion is called as bash-completion does it. A function named in $without is omitted.
in_bash() {
	bash -c '
		source "$1/completions/nsinit.bash"
		[[ $without ]] || _comp_command_offset() {
			COMPREPLY=("command: ${COMP_WORDS[*]:$1}")
		}
		shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_nsinit
		printf "%s\n" "${COMPREPLY[@]}"
	' bash "$root" "$@"
}

# in_fish LINE: print what fish offers at the end of LINE, without the descriptions.
in_fish() {
	HOME=$BATS_TEST_TMPDIR fish -c "
		source '$root/completions/nsinit.fish'
		complete -c probe -l probe-first
		complete -c probe -x -a 'probe-one probe-two'
		function probe
		end
		complete -C \$argv[1]" -- "$1" | cut -f1
}

# offers WORD FUNCTION [ARG]...: check that FUNCTION offers WORD; offers_only: check that it offers nothing else.
offers() {
	local all
	all=$("${@:2}")
	echo "$*: $all"
	grep -qxFe "$1" <<<"$all"
}

offers_only() {
	local all
	all=$("${@:2}")
	echo "$*: $all"
	[ "$all" = "$1" ]
}

@test "bash completes options, and the values of options" {
	offers_only --unshare in_bash nsinit --unsh
	offers_only --map-current-user in_bash nsinit -v --map-c
	offers_only private in_bash nsinit --propagation p
	offers_only unchanged in_bash nsinit --propagation = un
	offers_only poweroff in_bash nsinit --on-exit po
	offers_only infinity in_bash nsinit -t ''
	offers_only infinity in_bash nsinit --grace =
	offers_only QUIT in_bash nsinit --stop-signal QUI
	offers_only QUIT in_bash nsinit -vp QUI
	offers_only QUIT in_bash nsinit -r TERM : QUI
	offers_only QUIT in_bash nsinit -rTERM : QUI
	offers_only QUIT in_bash nsinit --rewrite = TERM : QUI
	offers TERM in_bash nsinit -r TERM :
	offers_only TERM in_bash nsinit --kill-child = TER
	offers TERM in_bash nsinit --kill-child =
	offers_only "$root/tests" in_bash nsinit --root "$root/test"
	offers_only "$root/tests" in_bash nsinit --mount-proc = "$root/test"
	offers_only '' in_bash nsinit -e ''
	offers_only '' in_bash nsinit --monotonic -
}

@test "bash completes COMMAND, and COMMAND's words by its own completion" {
	offers_only 'command: prob' in_bash nsinit prob
	offers_only 'command: probe -x' in_bash nsinit -u probe -x
	for options in '-t 5' -t5 '-vt 5' -vt5 '--grace 5' '--grace = 5' '-vr TERM : QUIT' '-rTERM : QUIT' -- '-u --' \
		'--rewrite = TERM : QUIT' --kill-child '--kill-child = TERM' --mount-proc '--mount-proc = /a=b' \
		'--root = /a = b' '--monotonic -5' '-e 3 -we 4' '--time -g --linger'; do
		# shellcheck disable=SC2086 # words
		offers_only 'command: ' in_bash nsinit $options ''
		# shellcheck disable=SC2086 # words
		offers_only 'command: probe -t --unsh' in_bash nsinit $options probe -t --unsh
	done
	# Without bash-completion: names of commands, then files.
	export without=1
	offers bash in_bash nsinit -t 5 bas
	offers "$root/tests" in_bash nsinit -t 5 ls "$root/test"
	run ! offers TERM in_bash nsinit --kill-child ''
}

@test "fish completes options, and the values of options" {
	need fish fish
	offers_only --unshare in_fish 'nsinit --unsh'
	offers_only --map-current-user in_fish 'nsinit -v --map-c'
	offers_only private in_fish 'nsinit --propagation p'
	offers_only --propagation=unchanged in_fish 'nsinit --propagation=un'
	offers_only infinity in_fish 'nsinit -t '
	offers_only QUIT in_fish 'nsinit -v --stop-signal QUI'
	offers_only /etc/ in_fish 'nsinit --root /et'
}

@test "fish completes COMMAND, and COMMAND's words by its own completion" {
	need fish fish
	for options in '' '-t 5' -t5 '-vt 5' '--grace 5' --grace=5 '-vr TERM:QUIT' -- '-u --' --kill-child --kill-child=TERM \
		--mount-proc '--monotonic -5' '-e 3 -we 4' '--time -g --linger' '--hostname "a b"'; do
		offers probe in_fish "nsinit $options prob"
		offers_only $'probe-one\nprobe-two' in_fish "nsinit $options probe "
		offers_only --probe-first in_fish "nsinit $options probe --prob"
		offers_only '' in_fish "nsinit $options probe --unsh"
		offers_only $'probe-one\nprobe-two' in_fish "nsinit $options probe -t 'c d' -u "
	done
}
