# shellcheck shell=bash disable=SC2034,SC2154
# What the tests of namespaces share, after `load helper`.

# chain PID: the PIDs below it, each the child of the one before, as far as there is one child each; from one look.
chain() {
	grep -s '^PPid:' /proc/[0-9]*/status | awk -F '[/:\t ]+' -v p="$1" '
		{ child[$NF] = $3 }
		END { while (p in child) { p = child[p]; print p } }'
}

# up NAME: whether COMMAND runs as NAME below the inner nsinit of $pid; sets $inner and $command.
up() {
	local -a below
	mapfile -t below < <(chain "$pid")
	inner=${below[0]-} command=${below[1]-}
	[[ -n $command ]] && runs "$command" "$1"
}

# start_levels ARG...: nsinit ARG... sleep, behind, until the sleep runs: $pid, $inner and $command. What it
# said instead, where it has ended, goes to stderr.
start_levels() {
	spawn "$NSINIT" "$@" sleep 1000
	wait_for up_or_ended sleep
	up sleep || { cat "$err" >&2 && return 1; }
}

up_or_ended() {
	up "$1" || ended "$pid"
}

# other_namespaces PID: the names of those that PID has and this shell has not, in one line.
other_namespaces() {
	(
		cd "/proc/$1/ns" || exit
		readlink -- * | paste <(printf '%s\n' *) - <(cd "/proc/$$/ns" && readlink -- *) |
			awk '$2 != $3 { printf "%s%s", sep, $1; sep = " " }'
	)
}

# ns PID KIND: the namespace itself, as "kind:[number]".
ns() {
	readlink "/proc/$1/ns/$2"
}

# stop_it: TERM to $pid, and its end.
stop_it() {
	kill -TERM "$pid"
	finish
}

# in_mounts SCRIPT [ARG]...: bash runs SCRIPT, with these helpers, in a mount namespace of its own, where nobody else
# mounts anything, and compares the whole of mountinfo before and after. `differs` says what is otherwise.
in_mounts() {
	need_mounted_root
	# shellcheck disable=SC2016 # the inner shell's
	"${fresh[@]}" unshare --mount bash -ec '
		. "$root/tests/helper.bash"
		. "$root/tests/namespaces.bash"
		# Files of its own, beside those of what the test has started already.
		pids=(0 0 0 0 0 0 0 0 0)
		trap "echo \"in_mounts: \$BASH_COMMAND\" >&2" ERR
		set -E
		script=$1
		shift
		cd "$BATS_TEST_TMPDIR"
		# What engines have mounted goes away with the directories below it, here too.
		awk "\$5 != \"/\" && / - (overlay|nsfs) / { print \$5 }" /proc/self/mountinfo | xargs -r umount -l
		mounts_at_start=$(mountinfo)
		eval "$script"
		if [[ $(mountinfo) != "$mounts_at_start" ]]; then
			diff <(echo "$mounts_at_start") <(mountinfo) >&2
			exit 1
		fi' in_mounts "$@" </dev/null 3>&-
}

# not COMMAND [ARG]...: fails where COMMAND succeeds; "!" would let a test go on.
not() {
	if "$@"; then
		echo "not: $*" >&2
		return 1
	fi
}

# mountinfo: all mounts of this namespace, without the numbers, which the kernel gives anew.
mountinfo() {
	awk '{ $1 = $2 = ""; print }' /proc/self/mountinfo
}

# mounted DIR: whether DIR is a mount point here.
mounted() {
	awk -v dir="$1" '$5 == dir { found = 1 } END { exit !found }' /proc/self/mountinfo
}

# fails STATUS TEXT COMMAND [ARG]...: whether COMMAND ends with STATUS and says one line on stderr that holds TEXT.
fails() {
	local want=$1 text=$2 said status=0
	shift 2
	said=$("$@" 2>&1 >/dev/null) || status=$?
	if [[ $status != "$want" || $said != *"$text"* || $said != "nsinit: "* || $said == *$'\n'* ]]; then
		echo "status $status, said: $said" >&2
		return 1
	fi
}

# Nobody, who has no rights at all; what nobody is to run must be where nobody can go.
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all)

# for_nobody: a directory of nobody's with a copy of nsinit that nobody can run: $place and $copy.
for_nobody() {
	local dir=$BATS_TEST_TMPDIR
	place=$BATS_TEST_TMPDIR/nobody copy=$BATS_TEST_TMPDIR/nobody/nsinit
	mkdir -p "$place"
	cp "$NSINIT" "$copy"
	chmod 755 "$copy" "$place"
	chown 65534:65534 "$place"
	while [[ $dir != / && $dir != /tmp ]]; do
		chmod o+x "$dir"
		dir=${dir%/*}
		dir=${dir:-/}
	done
}

# run_as_nobody ARG...: nsinit ARG..., as run_nsinit does, by nobody.
run_as_nobody() {
	run --separate-stderr "${fresh[@]}" "${nobody[@]}" "$copy" "$@" </dev/null 3>&-
}

# make_rootfs DIR: a small system, of busybox alone.
make_rootfs() {
	local name
	mkdir -p "$1"/{bin,proc,etc,tmp}
	cp "$(command -v busybox)" "$1/bin/"
	for name in sh ls cat mount umount sleep ps id hostname readlink echo true pwd stat; do
		ln -sf busybox "$1/bin/$name"
	done
}
