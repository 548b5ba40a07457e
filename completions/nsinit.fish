# fish completion for nsinit.

# Print COMMAND and its words, separated by NULs; fail if the cursor is before COMMAND.
function __nsinit_command
	set -l words (commandline -opc) (commandline -ct)
	set -e words[1]
	argparse -s u/unshare pid mount uts ipc net user cgroup time 'monotonic=' 'boottime=' 'mount-proc=?' \
		'export-proc=' map-root-user map-current-user 'propagation=' 'root=' 'wd=' 'hostname=' 'pid-file=' fork \
		'kill-child=?' c/single-child g/group 'r/rewrite=+' 'p/pdeathsig=' s/subreaper 't/grace=' 'stop-signal=+' \
		linger 'e/remap-exit=+' w/warn-on-reap P/pause 'on-exit=' v/verbose h/help V/version \
		-- $words 2>/dev/null
	or return 1
	set -q argv[1]
	or return 1
	# A word that begins with "-" can be an option that is not complete yet.
	if test (count $argv) -eq 1
		string match -q -- '-*' $argv[1]
		and return 1
	end
	string join0 -- $argv
	return 0
end

function __nsinit_complete_command
	set -l words (__nsinit_command | string split0)
	complete -C (string join ' ' -- (string escape -- $words[1..-2]) $words[-1])
end

set -l signals HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD \
	CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS RTMIN RTMAX
set -l option 'not __nsinit_command >/dev/null'

complete -c nsinit -n "$option" -s u -l unshare -d 'short for --pid --mount --mount-proc'
complete -c nsinit -n "$option" -l pid -d 'new PID namespace'
complete -c nsinit -n "$option" -l mount -d 'new mount namespace'
complete -c nsinit -n "$option" -l uts -d 'new UTS namespace'
complete -c nsinit -n "$option" -l ipc -d 'new IPC namespace'
complete -c nsinit -n "$option" -l net -d 'new network namespace, loopback up'
complete -c nsinit -n "$option" -l user -d 'new user namespace'
complete -c nsinit -n "$option" -l cgroup -d 'new cgroup namespace'
complete -c nsinit -n "$option" -l time -d 'new time namespace'
complete -c nsinit -n "$option" -l monotonic -x -d 'move this clock; implies --time'
complete -c nsinit -n "$option" -l boottime -x -d 'move this clock; implies --time'
complete -c nsinit -n "$option" -l mount-proc -d 'mount a fresh procfs at DIR'
complete -c nsinit -n "$option" -l export-proc -x -a '(__fish_complete_directories)' -d 'show the new procfs to the caller'
complete -c nsinit -n "$option" -l map-root-user -d 'new user namespace, be root in it'
complete -c nsinit -n "$option" -l map-current-user -d 'new user namespace, keep the ids'
complete -c nsinit -n "$option" -l propagation -x -a 'private slave shared unchanged' -d 'of all mounts'
complete -c nsinit -n "$option" -l root -x -a '(__fish_complete_directories)' -d 'make DIR the root directory'
complete -c nsinit -n "$option" -l wd -x -a '(__fish_complete_directories)' -d 'make DIR the working directory'
complete -c nsinit -n "$option" -l hostname -x -d 'set the hostname; implies --uts'
complete -c nsinit -n "$option" -l pid-file -r -d 'keep the PID of COMMAND in FILE'
complete -c nsinit -n "$option" -l fork -d 'accepted: nsinit always forks'
complete -c nsinit -n "$option" -l kill-child -d 'send SIG before KILL when nsinit dies'
complete -c nsinit -n "$option" -s c -l single-child -d 'signal COMMAND alone, not its group'
complete -c nsinit -n "$option" -s g -l group -d 'give COMMAND its own process group'
complete -c nsinit -n "$option" -s r -l rewrite -x -d 'forward signal FROM as TO; 0 drops it'
complete -c nsinit -n "$option" -s p -l pdeathsig -x -a "$signals" -d 'get SIG when the parent dies'
complete -c nsinit -n "$option" -s s -l subreaper -d 'accepted: nsinit always adopts orphans'
complete -c nsinit -n "$option" -s t -l grace -x -a infinity -d 'how long a stop may take'
complete -c nsinit -n "$option" -l stop-signal -x -a "$signals" -d 'a signal that asks for a stop'
complete -c nsinit -n "$option" -l linger -d 'stay until no process is left'
complete -c nsinit -n "$option" -s e -l remap-exit -x -d 'exit 0 instead of with status CODE'
complete -c nsinit -n "$option" -s w -l warn-on-reap -d 'log each orphan reaped'
complete -c nsinit -n "$option" -s P -l pause -d 'no COMMAND: reap until TERM or INT'
complete -c nsinit -n "$option" -l on-exit -x -a 'exit poweroff reboot halt' -d 'what the machine does at the end'
complete -c nsinit -n "$option" -s v -l verbose -d 'log what happens; -vv: each process reaped'
complete -c nsinit -n "$option" -s h -l help -d 'print the options'
complete -c nsinit -n "$option" -s V -l version -d 'print the version'
complete -c nsinit -x -n '__nsinit_command >/dev/null' -a '(__nsinit_complete_command)'
