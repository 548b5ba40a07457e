# shellcheck shell=bash disable=SC2034,SC2154
# Functions that the tests of namespaces share, after `load helper`.

# chain PID: print the PIDs below PID, each the only child of the one before, from one look at the process table.
chain() {
	grep -s '^PPid:' /proc/[0-9]*/status | awk -F '[/:\t ]+' -v p="$1" '
		{ child[$NF] = $3 }
		END { while (p in child) { p = child[p]; print p } }'
}

# up NAME: whether COMMAND runs as NAME below the inner process of $pid. Set $inner and $command.
up() {
	local -a below
	mapfile -t below < <(chain "$pid")
	inner=${below[0]-} command=${below[1]-}
	[[ -n $command ]] && runs "$command" "$1"
}

# start_levels ARG...: start nsinit ARG... sleep in the background, and wait until the sleep runs. Set $pid, $inner and
# $command. If it has ended instead, copy its messages to stderr.
start_levels() {
	spawn "$NSINIT" "$@" sleep 1000
	wait_for up_or_ended sleep
	up sleep || { cat "$err" >&2 && return 1; }
}

up_or_ended() {
	up "$1" || ended "$pid"
}

# other_namespaces PID: print the kinds of namespaces in which PID and this shell differ, in one line.
other_namespaces() {
	(
		cd "/proc/$1/ns" || exit
		readlink -- * | paste <(printf '%s\n' *) - <(cd "/proc/$$/ns" && readlink -- *) |
			awk '$2 != $3 { printf "%s%s", sep, $1; sep = " " }'
	)
}

# ns PID KIND: print the namespace, as "kind:[number]".
ns() {
	readlink "/proc/$1/ns/$2"
}

# stop_it: send TERM to $pid, and wait for its end.
stop_it() {
	kill -TERM "$pid"
	finish
}

# in_mounts SCRIPT [ARG]...: run SCRIPT in bash, with these helpers, in a new mount namespace, where no other process
# mounts anything. Compare all of mountinfo before and after, and print the differences.
in_mounts() {
	need_mounted_root
	# shellcheck disable=SC2016 # the inner shell's
	"${fresh[@]}" unshare --mount bash -ec '
		. "$root/tests/helper.bash"
		. "$root/tests/namespaces.bash"
		# Use other files than the processes that the test has started already.
		pids=(0 0 0 0 0 0 0 0 0)
		trap "echo \"in_mounts: \$BASH_COMMAND\" >&2" ERR
		set -E
		script=$1
		shift
		cd "$BATS_TEST_TMPDIR"
		# Mounts of engines disappear with the directories below them, here as well.
		awk "\$5 != \"/\" && / - (overlay|nsfs) / { print \$5 }" /proc/self/mountinfo | xargs -r umount -l
		mounts_at_start=$(mountinfo)
		eval "$script"
		if [[ $(mountinfo) != "$mounts_at_start" ]]; then
			diff <(echo "$mounts_at_start") <(mountinfo) >&2
			exit 1
		fi' in_mounts "$@" </dev/null 3>&-
}

# not COMMAND [ARG]...: fail if COMMAND succeeds. With "!" a test would continue.
not() {
	if "$@"; then
		echo "not: $*" >&2
		return 1
	fi
}

# mountinfo: print all mounts of this namespace without their numbers, which differ each time.
mountinfo() {
	awk '{ $1 = $2 = ""; print }' /proc/self/mountinfo
}

# mounted DIR: whether DIR is a mount point in this namespace.
mounted() {
	awk -v dir="$1" '$5 == dir { found = 1 } END { exit !found }' /proc/self/mountinfo
}

# fails STATUS TEXT COMMAND [ARG]...: whether COMMAND ends with STATUS and one line on stderr that contains TEXT.
fails() {
	local want=$1 text=$2 said status=0
	shift 2
	said=$("$@" 2>&1 >/dev/null) || status=$?
	if [[ $status != "$want" || $said != *"$text"* || $said != "nsinit: "* || $said == *$'\n'* ]]; then
		echo "status $status, said: $said" >&2
		return 1
	fi
}

# The user "nobody" has no privileges. Its programs must be in directories that it can search.
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all)

# for_nobody: create a directory of nobody's, $place, with a copy of nsinit that nobody can run, $copy.
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

# run_as_nobody ARG...: run nsinit ARG... as nobody, like run_nsinit.
run_as_nobody() {
	run --separate-stderr "${fresh[@]}" "${nobody[@]}" "$copy" "$@" </dev/null 3>&-
}

# make_rootfs DIR: create a small root file system of busybox only.
make_rootfs() {
	local name
	mkdir -p "$1"/{bin,proc,etc,tmp}
	cp "$(command -v busybox)" "$1/bin/"
	for name in sh ls cat mount umount sleep ps id hostname readlink echo true pwd stat; do
		ln -sf busybox "$1/bin/$name"
	done
}
