#!/usr/bin/env bats
# What is released: tarball, binaries, checksums, bill of materials, packages.
# bats file_tags=tree

load helper

# clone_to DIR: what is committed, in a clone of its own.
clone_to() {
	git -c safe.directory='*' clone -q "$root" "$1"
}

@test "a release is the same bytes, built twice in different folders" {
	need git git
	need musl-gcc musl-tools
	clone_to "$BATS_TEST_TMPDIR/one"
	mkdir -p "$BATS_TEST_TMPDIR/else/where"
	clone_to "$BATS_TEST_TMPDIR/else/where/two"
	make -s -C "$BATS_TEST_TMPDIR/one" dist PROCESSORS=
	(umask 077 && HOME=$BATS_TEST_TMPDIR make -s -C "$BATS_TEST_TMPDIR/else/where/two" dist PROCESSORS=)
	diff -r "$BATS_TEST_TMPDIR/one/dist" "$BATS_TEST_TMPDIR/else/where/two/dist"
	cd "$BATS_TEST_TMPDIR/one/dist"
	sha256sum --quiet -c SHA256SUMS
	[ "$(wc -l <SHA256SUMS)" -eq 2 ]
}

@test "the bill of materials names every file with its checksum" {
	need git git
	need jq jq
	clone_to "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree"
	make -s dist PROCESSORS=
	local file sum
	while read -r sum file; do
		[ "$(jq -r --arg file "./$file" '.files[] | select(.fileName == $file) | .checksums[] |
			select(.algorithm == "SHA256").checksumValue' dist/*.spdx.json)" = "$sum" ]
	done <dist/SHA256SUMS
	[ "$(jq -r .spdxVersion dist/*.spdx.json)" = SPDX-2.3 ]
}

@test "the tarball builds, and its binary names the commit" {
	need git git
	clone_to "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree"
	make -s dist PROCESSORS=
	tar -xzf dist/nsinit-*.tar.gz -C "$BATS_TEST_TMPDIR"
	make -s -C "$BATS_TEST_TMPDIR"/nsinit-*
	run "$BATS_TEST_TMPDIR"/nsinit-*/nsinit --version
	[[ $output == "nsinit version "*" - git.$(git rev-parse HEAD | cut -c 1-7)" ]]
	cmp "$BATS_TEST_TMPDIR"/nsinit-*/nsinit dist/nsinit-*-"$(uname -m)"
}

# root_of ARCH DIR PACKAGE...: a Debian for another processor: PACKAGEs and what they depend on, unpacked and no more.
root_of() {
	local arch=$1 dir=$2 apt deb
	shift 2
	mkdir -p "$dir"/usr/{bin,sbin,lib,lib64} "$dir"/{etc,tmp,proc,sys,dev} "$dir.apt"/{lists,archives}/partial
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$dir"
	: >"$dir.apt/status"
	apt=(apt-get -qq -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" -o "Dir::State::Lists=$dir.apt/lists"
		-o "Dir::State::Status=$dir.apt/status" -o "Dir::Cache=$dir.apt" -o APT::Sandbox::User=root)
	"${apt[@]}" update || : # the next command reports what is missing
	"${apt[@]}" install -y --no-install-recommends --download-only "$@" || return
	for deb in "$dir.apt"/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$dir" --keep-directory-symlink --exclude='./usr/share/*'
	done
	rm -rf "$dir.apt"
}

@test "the Dockerfile builds for several platforms in one go" {
	need_root
	need_mounted_root
	need buildah buildah
	need readelf binutils
	[[ $(dpkg --print-architecture) == amd64 ]] || missing "needs an x86-64, which runs two platforms' programs"
	cd "$BATS_TEST_TMPDIR"
	export STORAGE_DRIVER=vfs
	local images=(buildah --root "$PWD/images" --runroot "$PWD/run") platform container
	"${images[@]}" manifest create base
	for platform in 386:i386 amd64:amd64; do
		root_of "${platform#*:}" "$PWD/root-${platform#*:}" gcc make musl-tools dash coreutils
		container=$("${images[@]}" from --arch "${platform%:*}" scratch)
		"${images[@]}" copy -q "$container" "root-${platform#*:}" /
		"${images[@]}" config --arch "${platform%:*}" "$container"
		"${images[@]}" commit -q --rm "$container" "localhost/base-${platform%:*}"
		"${images[@]}" manifest add base "containers-storage:localhost/base-${platform%:*}"
	done
	"${images[@]}" build --isolation chroot --pull-never --platform linux/386,linux/amd64 \
		--ulimit nofile=1024:1024 --ulimit nproc=4096:4096 \
		--build-arg BASE=localhost/base --build-arg COMMIT=0123456789abcdef --manifest localhost/nsinit "$root"
	for platform in 386:ELF32 amd64:ELF64; do
		container=$("${images[@]}" from --pull-never --arch "${platform%:*}" localhost/nsinit)
		cd "$("${images[@]}" mount "$container")"
		[[ $(echo *) == nsinit ]]
		readelf --file-header nsinit | grep -q "Class: *${platform#*:}$"
		[[ $(./nsinit --version) == *" - git.0123456" ]]
		run -3 ./nsinit sh -c 'exit 3'
	done
}

@test "the Debian package builds, and lintian finds nothing" {
	need dpkg-buildpackage dpkg-dev
	need dh debhelper
	need_file /usr/share/build-essential/essential-packages-list build-essential
	need lintian lintian
	clone_to "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree"
	make -s deb >"$BATS_TEST_TMPDIR/log" 2>&1 || {
		tail "$BATS_TEST_TMPDIR/log"
		return 1
	}
	run lintian --allow-root --fail-on warning dist/*.changes
	echo "$output"
	[ "$status" -eq 0 ]
	dpkg-deb -x dist/nsinit_*.deb "$BATS_TEST_TMPDIR/installed"
	"$BATS_TEST_TMPDIR/installed/usr/bin/nsinit" --version
}

@test "Alpine's package is built and filled by its APKBUILD" {
	need busybox busybox-static
	clone_to "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree"
	# shellcheck disable=SC2016 # the inner shell's own
	busybox sh -euc '. packaging/alpine/APKBUILD; pkgdir=$1; build; package' apk "$BATS_TEST_TMPDIR/filled" >/dev/null
	cd "$BATS_TEST_TMPDIR/filled/usr"
	[[ $(bin/nsinit --version) == "nsinit version $(head -n 1 "$root/VERSION") - git."* ]]
	# The rest is split among the subpackages by these folders.
	[[ $(find share -type f | sort) == "share/bash-completion/completions/nsinit
share/fish/vendor_completions.d/nsinit.fish
share/man/man1/nsinit.1
share/zsh/site-functions/_nsinit" ]]
}

@test "the workflow for forks is YAML, and calls targets that make has, and .ci/run" {
	need yamllint yamllint
	yamllint -d relaxed --no-warnings "$root/.github/workflows/ci.yml"
	grep -q 'bash .ci/run' "$root/.github/workflows/ci.yml"
	local target
	grep -oE 'make( [a-z]+)?( |$)' "$root/.github/workflows/ci.yml" | awk 'NF > 1 { print $2 }' | sort -u |
		while read -r target; do
			grep -qE "^([a-z]+ )*$target:" "$root/Makefile"
		done
}

@test "the version stands in one place, and the news and the packages follow" {
	local version
	version=$(head -n 1 "$root/VERSION")
	grep -qx "## $version" "$root/NEWS.md"
	grep -qx "pkgver=$version" "$root/packaging/alpine/APKBUILD"
	head -n 1 "$root/packaging/debian/changelog" | grep -qF "($version-"
	sh -n "$root/packaging/alpine/APKBUILD"
}
