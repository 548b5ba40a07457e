# shellcheck shell=bash disable=SC2034
# An engine for the tests, and images made from the packages of this machine, because none can be pulled.
#
# setup_file calls docker_up, and teardown_file docker_down. In between `docker` uses that engine. If need_engine lacks
# something, setup_file starts nothing, and setup skips each test with the reason.

# need_engine: skip unless everything that docker_up starts is installed.
need_engine() {
	need docker "'^docker.(cli|io)\$'"
	need_mounted_root
	if ((EUID != 0)); then
		docker info >/dev/null 2>&1 || missing "needs a Docker engine, or root to start one: apt-get install docker.io"
	else
		need dockerd docker.io
	fi
}

# docker_up [OPTION]...: start dockerd with OPTIONs in the background. It shares nothing with an engine that already
# runs. Without root, the engine that already runs is used.
docker_up() {
	((EUID == 0)) || return 0
	# The name of a socket has at most 108 bytes, too few for bats's directories.
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

# docker_down: end everything that docker_up has started.
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

# docker_base IMAGE PACKAGE...: create an image of a Debian with PACKAGEs and their dependencies, from their files as
# they are installed here.
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
	# Names in /bin and /lib are the same as those in /usr, on old and new Debian.
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
		xargs dpkg-query --show --showformat '${Package}\n' 2>/dev/null || : # names that other packages provide
}

# docker_busybox IMAGE: create the smallest image with a shell: busybox with a name for each of its programs.
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

# docker_import IMAGE DIR: create an image of the files in DIR.
docker_import() {
	tar -C "$2" --owner=0 --group=0 -c . |
		docker import -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - "$1" >/dev/null
}

# docker_build ARG...: run docker build without a network. Without BuildKit in the client, the engine's builder is used.
docker_build() {
	local buildkit=0
	! docker buildx version >/dev/null 2>&1 || buildkit=1
	DOCKER_BUILDKIT=$buildkit docker build --network=none "$@"
}

# --- containers ---

# docker_start ARG...: run docker run -d. Set $container to its ID, and $pid to the PID of its first process from here.
docker_start() {
	container=$(docker run --detach --network=none "$@") || return
	pid=$(docker inspect --format '{{.State.Pid}}' "$container")
	started+=("$container")
}

# docker_clean: remove the containers that docker_start has started.
docker_clean() {
	((${#started[@]} == 0)) || docker rm -f "${started[@]}" >/dev/null
}

# docker_status CONTAINER: wait until it has ended, and print its status.
docker_status() {
	docker wait "$1"
}

# in_container COMMAND [ARG]...: run COMMAND in the container that was started last.
in_container() {
	docker exec "$container" "$@"
}

# logged TEXT: whether the container that was started last has written TEXT.
logged() {
	docker logs "$container" 2>&1 | grep -qFe "$1"
}

# has_zombie PID: whether there is a zombie below PID.
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

# podman_up: prepare podman_here, with the test's own storage, and with limits that can be set on this machine.
podman_up() {
	need podman podman
	need runc runc
	mkdir "$BATS_TEST_TMPDIR/podman"
	# Version 5 warns about old control groups at each call.
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

# podman_clean: remove everything that podman_here has created.
podman_clean() {
	[[ -e $BATS_TEST_TMPDIR/podman ]] || return 0
	podman_here pod rm --force --all --time 0 >/dev/null
	podman_here rm --force --all --time 0 >/dev/null
}
