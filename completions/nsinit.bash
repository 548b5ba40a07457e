# bash completion for nsinit: options, signals, values, then COMMAND's own completion.
# shellcheck shell=bash

_nsinit_signals() {
	local name
	for name in $(compgen -A signal); do
		[[ $name == SIG* ]] && printf '%s\n' "${name#SIG}"
	done
}

# _nsinit_find: walk over the words before the cursor. Set `option` to the option whose value is being completed, or
# else `command` to the index of COMMAND if the cursor is on it or behind it. readline breaks words at "=" and ":".
_nsinit_find() {
	local valued='--monotonic|--boottime|--export-proc|--propagation|--root|--wd|--hostname|--pid-file|--rewrite'
	valued+='|--pdeathsig|--grace|--stop-signal|--remap-exit|--on-exit'
	local i=1 word
	option='' command=''
	while ((i < COMP_CWORD)); do
		word=${COMP_WORDS[i]}
		if [[ $word == -- ]]; then
			command=$((i + 1))
			return
		elif [[ $word == --* ]]; then
			option=$word
			if [[ ${COMP_WORDS[i + 1]} == = ]]; then
				((++i >= COMP_CWORD)) || ((i++))
			elif [[ $word =~ ^($valued)$ ]]; then
				((i++))
			else
				option=''
			fi
		elif [[ $word =~ ^-[^rpte]*([rpte])(.*)$ ]]; then
			# The rest of the word is the value, if there is any.
			option=-${BASH_REMATCH[1]}
			[[ ${BASH_REMATCH[2]} ]] || ((i++))
		elif [[ $word != -?* ]]; then
			command=$i
			return
		fi
		# The rest of a value that has one of these inside.
		while [[ $option ]] && ((i < COMP_CWORD)) && [[ ${COMP_WORDS[i + 1]} == [=:] ]]; do
			((++i >= COMP_CWORD)) || ((i++))
		done
		((i < COMP_CWORD)) || return
		option=''
		((i++))
	done
	[[ ${COMP_WORDS[COMP_CWORD]} == -* ]] || command=$COMP_CWORD
}

_nsinit() {
	local current=${COMP_WORDS[COMP_CWORD]} option command offset
	local options='-u --unshare --pid --mount --uts --ipc --net --user --cgroup --time --monotonic --boottime
		--mount-proc --export-proc --map-root-user --map-current-user --propagation --root --wd --hostname
		--pid-file --fork --kill-child -c --single-child -g --group -r --rewrite -p --pdeathsig -s --subreaper
		-t --grace --stop-signal --linger -e --remap-exit -w --warn-on-reap -P --pause --on-exit
		-v --verbose -h --help -V --version'

	_nsinit_find
	[[ $current != [=:] ]] || current=''
	COMPREPLY=()
	if [[ $command ]]; then
		# Both are bash-completion's, the second in older versions.
		for offset in _comp_command_offset _command_offset; do
			if declare -F "$offset" >/dev/null; then
				"$offset" "$command"
				return
			fi
		done
		if ((command == COMP_CWORD)); then
			mapfile -t COMPREPLY < <(compgen -c -- "$current")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$current")
		fi
		return
	fi
	case $option in
	-p | --pdeathsig | --stop-signal | --kill-child | -r | --rewrite)
		mapfile -t COMPREPLY < <(compgen -W "$(_nsinit_signals)" -- "$current")
		;;
	--propagation)
		mapfile -t COMPREPLY < <(compgen -W 'private slave shared unchanged' -- "$current")
		;;
	--on-exit)
		mapfile -t COMPREPLY < <(compgen -W 'exit poweroff reboot halt' -- "$current")
		;;
	-t | --grace)
		mapfile -t COMPREPLY < <(compgen -W 'infinity' -- "$current")
		;;
	--mount-proc | --export-proc | --root | --wd)
		mapfile -t COMPREPLY < <(compgen -d -- "$current")
		;;
	--pid-file)
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		;;
	'')
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
		;;
	esac
}

complete -F _nsinit nsinit
