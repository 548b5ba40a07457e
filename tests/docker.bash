# shellcheck shell=bash disable=SC2034
# An engine for the tests, and images that are made of this machine's own packages, since none can be pulled.
#
# setup_file calls docker_up, teardown_file docker_down; in between `docker` speaks to that engine. Where need_engine lacks
# something, setup_file does neither, and setup says so.

# need_engine: go on only where docker_up has what it starts.
need_engine() {
	need docker "'^docker.(cli|io)\$'"
	need_mounted_root
	if ((EUID != 0)); then
		docker info >/dev/null 2>&1 || missing "needs a Docker engine, or root to start one: apt-get install docker.io"
	else
		need dockerd docker.io
	fi
}

# docker_up [OPTION]...: dockerd with OPTIONs, in the background. It has nothing in common with one that may run, whose
# images and containers are none of ours. Where we are not root, the one that runs has to do.
docker_up() {
	((EUID == 0)) || return 0
	# A socket's name has 108 bytes: too few for what bats calls its directories.
	docker_dir=$(mktemp -d /tmp/nsinit-docker.XXXXXX)
	env -u NSINIT_TEST dockerd --data-root "$docker_dir/data" --exec-root "$docker_dir/exec" \
		--pidfile "$docker_dir/pid" --host "unix://$docker_dir/sock" --iptables=false --bridge=none "$@" \
		>"$docker_dir/log" 2>&1 </dev/null 3>&- &
	docker_pid=$!
	export DOCKER_HOST=unix://$docker_dir/sock docker_dir docker_pid
	if ! wait_for -t 60 docker_answers || ended "$docker_pid"; then
		cat "$docker_dir/log" >&2
		return 1
	fi
}

docker_answers() {
	ended "$docker_pid" || docker info >/dev/null 2>&1
}

# docker_down: end all that docker_up has started.
docker_down() {
	local containers dir
	[[ -n ${docker_dir-} ]] || return 0
	containers=$(docker ps -aq)
	# shellcheck disable=SC2086 # one word each
	[[ -z $containers ]] || docker rm -f $containers >/dev/null
	kill "$docker_pid" 2>/dev/null || :
	wait_for -t 60 ended "$docker_pid" || kill -KILL "$docker_pid"
	while read -r dir; do
		umount -l "$dir"
	done < <(awk -v dir="$docker_dir/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac)
	rm -rf "$docker_dir"
}

# --- images ---

# docker_base IMAGE PACKAGE...: a Debian with PACKAGEs and what they depend on and no more, of their files as they are
# installed here.
docker_base() {
	local image=$1 packages dir
	shift
	packages=$(packages_of "$@") || return
	dir=$(mktemp -d "$BATS_FILE_TMPDIR/base.XXXXXX")
	mkdir -p "$dir"/usr/{bin,sbin,lib,lib64} "$dir"/{etc,tmp,run,proc,sys,dev,root} "$dir"/var/{log,lib,tmp}
	chmod 1777 "$dir/tmp" "$dir/var/tmp"
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$dir"
	printf '%s\n' root:x:0:0:root:/root:/bin/sh www-data:x:33:33:www-data:/var/www:/bin/sh \
		nobody:x:65534:65534:nobody:/:/bin/sh >"$dir/etc/passwd"
	printf '%s\n' root:x:0: adm:x:4: www-data:x:33: nogroup:x:65534: >"$dir/etc/group"
	ln -s /run "$dir/var/run"
	# Names through /bin and /lib are those through /usr, on a Debian old or new.
	# shellcheck disable=SC2086 # one word each
	dpkg -L $packages | sed -E 's#^/(bin|sbin|lib|lib64)/#/usr/\1/#' | sort -u |
		grep -Ev '^/usr/share/(doc|man|locale|info|lintian|bash-completion)/|^/(tmp|run|var/run)(/|$)|/(perl|systemd)/|lto1$|lto-dump|lib(a|t|l|ub)san|gprof|-dwp$|ld.gold$' |
		while read -r file; do
			if [[ -d $file && ! -L $file ]]; then
				mkdir -p "$dir$file"
			elif [[ -f $file || -L $file ]]; then
				echo "${file#/}"
			fi
		done >"$dir.files"
	tar -C / -c --no-recursion -T "$dir.files" 2>/dev/null | tar -C "$dir" -x --skip-old-files
	docker_import "$image" "$dir"
	rm -rf "$dir" "$dir.files"
}

packages_of() {
	# shellcheck disable=SC2016 # dpkg-query's own
	apt-cache depends --recurse --installed --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces \
		--no-enhances "$@" | grep '^[a-z]' | sort -u |
		grep -vxE 'adduser|debconf.*|dpkg|init-system-helpers|usrmerge|usr-is-merged|libpam.*|perl.*|.*-perl' |
		xargs dpkg-query --show --showformat '${Package}\n' 2>/dev/null || : # names that others provide
}

# docker_busybox IMAGE: the smallest that has a shell: busybox with a name for each of its programs.
docker_busybox() {
	local dir name
	need_file /bin/busybox busybox-static
	dir=$(mktemp -d "$BATS_FILE_TMPDIR/busybox.XXXXXX")
	mkdir -p "$dir"/{bin,etc,tmp,proc,sys,dev,root,sbin,var/spool/cron/crontabs}
	chmod 1777 "$dir/tmp"
	cp /bin/busybox "$dir/bin"
	for name in $(/bin/busybox --list); do
		[[ $name == busybox ]] || ln -s busybox "$dir/bin/$name"
	done
	echo root:x:0:0:root:/root:/bin/sh >"$dir/etc/passwd"
	docker_import "$1" "$dir"
	rm -rf "$dir"
}

# docker_import IMAGE DIR: what is in DIR, as an image.
docker_import() {
	tar -C "$2" --owner=0 --group=0 -c . |
		docker import -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$1" >/dev/null
}

# docker_build ARG...: docker build, without a network. Where the client has no BuildKit the engine's own builder serves.
docker_build() {
	local buildkit=0
	! docker buildx version >/dev/null 2>&1 || buildkit=1
	DOCKER_BUILDKIT=$buildkit docker build --network=none "$@"
}

# --- containers ---

# docker_start ARG...: docker run -d; the container's ID is $container, its first process, as seen from here, $pid.
docker_start() {
	container=$(docker run --detach --network=none "$@") || return
	pid=$(docker inspect --format '{{.State.Pid}}' "$container")
	started+=("$container")
}

# docker_clean: remove what docker_start has started.
docker_clean() {
	((${#started[@]} == 0)) || docker rm -f "${started[@]}" >/dev/null
}

# docker_status CONTAINER: its status, once it has ended.
docker_status() {
	docker wait "$1"
}

# in_container COMMAND [ARG]...: inside the one that was started last.
in_container() {
	docker exec "$container" "$@"
}

# logged TEXT: whether the one that was started last has written TEXT by now.
logged() {
	docker logs "$container" 2>&1 | grep -qFe "$1"
}

# has_zombie PID: whether one is below it.
has_zombie() {
	local p
	for p in $(descendants "$1"); do
		! in_state "$p" Z || return 0
	done
	return 1
}

no_zombie() {
	! has_zombie "$1"
}

# --- podman ---

# podman_up: podman_here works from now on, with storage of the test's own, and with limits that may be set here.
podman_up() {
	need podman podman
	need runc runc
	mkdir "$BATS_TEST_TMPDIR/podman"
	# Version 5 has a word on old control groups at each call.
	export PODMAN_IGNORE_CGROUPSV1_WARNING=1
	export CONTAINERS_CONF=$BATS_TEST_TMPDIR/podman/containers.conf
	cat >"$CONTAINERS_CONF" <<-'END'
		[containers]
		default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
		[engine]
		cgroup_manager = "cgroupfs"
		events_logger = "file"
		runtime = "runc"
	END
}

podman_here() {
	podman --root "$BATS_TEST_TMPDIR/podman/root" --runroot "$BATS_TEST_TMPDIR/podman/run" \
		--tmpdir "$BATS_TEST_TMPDIR/podman/tmp" "$@"
}

# podman_clean: remove all that podman_here has made.
podman_clean() {
	[[ -e $BATS_TEST_TMPDIR/podman ]] || return 0
	podman_here pod rm --force --all --time 0 >/dev/null
	podman_here rm --force --all --time 0 >/dev/null
}
