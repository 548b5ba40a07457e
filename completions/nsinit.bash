# bash completion for nsinit: options, signals, values, then COMMAND's own completion.
# shellcheck shell=bash

_nsinit_signals() {
	local name
	for name in $(compgen -A signal); do
		[[ $name == SIG* ]] && printf '%s\n' "${name#SIG}"
	done
}

_nsinit() {
	local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} i
	local options='-u --unshare --pid --mount --uts --ipc --net --user --cgroup --mount-proc
		--export-proc --map-root-user --propagation --root --wd --hostname --pid-file --fork
		--kill-child -c --single-child -g --group -r --rewrite -p --pdeathsig -s --subreaper
		-t --grace --stop-signal -e --remap-exit -w --warn-on-reap -P --pause --on-exit
		-v --verbose -h --help -V --version'
	local valued='--export-proc|--propagation|--root|--wd|--hostname|--pid-file|-r|--rewrite|-p|--pdeathsig|-t|--grace|--stop-signal|-e|--remap-exit|--on-exit'

	# Behind COMMAND, complete as COMMAND would.
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			((i++))
		elif [[ ${COMP_WORDS[i]} =~ ^($valued)$ ]]; then
			((i++))
			# readline breaks a word at "=" and ":"
			[[ ${COMP_WORDS[i]} == = ]] && ((i++))
			[[ ${COMP_WORDS[i + 1]} == : ]] && ((i += 2))
			continue
		elif [[ ${COMP_WORDS[i]} == = ]]; then
			((i++))
			continue
		elif [[ ${COMP_WORDS[i]} == -* ]]; then
			continue
		fi
		if ((i <= COMP_CWORD)) && declare -F _command_offset >/dev/null; then
			_command_offset "$i"
			return
		fi
		break
	done
	if [[ $previous == = ]]; then
		previous=${COMP_WORDS[COMP_CWORD - 2]}
	elif [[ $current == = ]]; then
		current=''
	fi
	[[ $current == : ]] && current=''
	COMPREPLY=()
	case $previous in
	-p | --pdeathsig | --stop-signal | --kill-child | -r | --rewrite | :)
		mapfile -t COMPREPLY < <(compgen -W "$(_nsinit_signals)" -- "$current")
		;;
	--propagation)
		mapfile -t COMPREPLY < <(compgen -W 'slave private' -- "$current")
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
	-e | --remap-exit | --hostname) ;;
	*)
		if [[ $current == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$current")
		fi
		;;
	esac
}

complete -F _nsinit nsinit
