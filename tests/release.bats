#!/usr/bin/env bats
# Releases: tarball, binaries, checksums, bill of materials, packages.
# bats file_tags=tree

bats_require_minimum_version 1.8.0
load helper

# clone_to DIR: make a clone of the committed files.
clone_to() {
	git -c safe.directory='*' clone -q "$root" "$1"
}

# Fourteen builds on a busy machine take minutes.
setup_file() {
	export BATS_TEST_TIMEOUT=1200
}

setup() {
	helper_setup
	need git git
	need musl-gcc musl-tools
	elsewhere=
	binfmt=
}

teardown() {
	[[ -z $elsewhere ]] || rm -rf "$elsewhere"
	if [[ $binfmt ]] && mountpoint -q "$binfmt"; then
		[[ ! -e $binfmt/nsinit-test-i386 ]] || echo -1 >"$binfmt/nsinit-test-i386"
		umount "$binfmt"
	fi
	helper_teardown
}

@test "a release is identical for each processor if it is built in another directory, by another user, umask and locale" {
	local processor triplet
	need_root
	need setpriv util-linux
	while read -r processor triplet; do
		[[ $processor == "$(uname -m)" ]] || need "$triplet-gcc" "gcc-$triplet"
	done < <(sed -n 's/^triplet_\([^ ]*\) = /\1 /p' "$root/Makefile")
	make -s -C "$root" musl >"$BATS_TEST_TMPDIR/log" 2>&1 || {
		cat "$BATS_TEST_TMPDIR/log"
		missing "needs Debian's musl-dev of other processors: $(tail -n 1 "$BATS_TEST_TMPDIR/log")"
	}
	clone_to "$BATS_TEST_TMPDIR/one"
	make -s -C "$BATS_TEST_TMPDIR/one" dist MUSL="$root/build/musl"
	# The other user cannot search the tests' directory, and perhaps not this tree.
	elsewhere=$(mktemp -d)
	git -c safe.directory='*' clone -q "$BATS_TEST_TMPDIR/one" "$elsewhere/a longer name of a folder"
	mkdir "$elsewhere/home"
	cp -r "$root/build/musl" "$elsewhere/musl"
	chown -R 65534:65534 "$elsewhere"
	(
		cd "$elsewhere/a longer name of a folder"
		umask 077
		setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$elsewhere/home" LC_ALL=C.UTF-8 TZ=Asia/Tokyo \
			make -s dist MUSL="$elsewhere/musl"
	)
	diff -r "$BATS_TEST_TMPDIR/one/dist" "$elsewhere/a longer name of a folder/dist"
	cd "$BATS_TEST_TMPDIR/one/dist"
	sha256sum --quiet -c SHA256SUMS
	# The source and seven binaries.
	[[ $(wc -l <SHA256SUMS) == 8 && $(echo nsinit-*-*[a-z0-9][0-9a-z] | wc -w) -ge 7 ]]
	[[ $(stat -c %a nsinit-*-aarch64) == 755 ]]
}

@test "a release without musl is refused" {
	clone_to "$BATS_TEST_TMPDIR/tree"
	run make -s -C "$BATS_TEST_TMPDIR/tree" dist PROCESSORS= CC=gcc
	[[ $status != 0 && $output == *'needs musl, but the compiler links'* ]]
	[[ ! -e $BATS_TEST_TMPDIR/tree/dist/SHA256SUMS ]]
}

@test "the bill of materials names every file with its checksum" {
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
	# Every binary names the musl that it contains.
	[[ $(jq -r '.relationships[] | select(.relationshipType == "STATIC_LINK").relatedSpdxElement' dist/*.spdx.json) == \
		SPDXRef-musl-1.* ]]
}

@test "the tarball builds, and its binary names the commit" {
	clone_to "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree"
	make -s dist PROCESSORS=
	tar -xzf dist/nsinit-*.tar.gz -C "$BATS_TEST_TMPDIR"
	make -s -C "$BATS_TEST_TMPDIR"/nsinit-*
	run "$BATS_TEST_TMPDIR"/nsinit-*/nsinit --version
	[[ $output == "nsinit version "*" - git.$(git rev-parse HEAD | cut -c 1-7)" ]]
	cmp "$BATS_TEST_TMPDIR"/nsinit-*/nsinit dist/nsinit-*-"$(uname -m)"
}

# root_of ARCH DIR PACKAGE...: create a Debian for another processor: PACKAGEs and their dependencies, unpacked but not
# configured.
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

# run_32bit DIR: make the kernel run the programs of DIR, a Debian for i386. Some virtual machines run only 64-bit
# programs. There qemu runs the others, for all processes of the machine, until teardown.
run_32bit() {
	! chroot "$1" /bin/true 2>/dev/null || return 0
	need qemu-i386-static qemu-user-static
	binfmt=$BATS_TEST_TMPDIR/binfmt
	mkdir "$binfmt"
	mount -t binfmt_misc none "$binfmt" || missing "needs 32-bit programs: CONFIG_IA32_EMULATION or CONFIG_BINFMT_MISC"
	# The ELF header of a 32-bit program for an i386, by type and machine (elf(5)). F: the interpreter is opened here, not
	# in a chroot.
	printf '%s' ":nsinit-test-i386:M::$(printf '\\x%s' 7f 45 4c 46 01 01 01 00 00 00 00 00 00 00 00 00 02 00 03 00):$(
		printf '\\x%s' ff ff ff ff ff fe fe fc ff ff ff ff ff ff ff ff fe ff ff ff):$(command -v qemu-i386-static):F" \
		>"$binfmt/register"
	chroot "$1" /bin/true
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
	run_32bit root-i386
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

@test "the Debian package builds, and lintian reports nothing" {
	need dpkg-buildpackage dpkg-dev
	need dh debhelper
	need_file /usr/share/build-essential/essential-packages-list build-essential
	need lintian lintian
	clone_to "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree"
	DEBFULLNAME='A/B & Sons' DEBEMAIL=deb@example.org make -s deb >"$BATS_TEST_TMPDIR/log" 2>&1 || {
		tail "$BATS_TEST_TMPDIR/log"
		return 1
	}
	[[ $(dpkg-deb -f dist/nsinit_*.deb Maintainer) == "A/B & Sons <deb@example.org>" ]]
	grep -qx 'Changed-By: A/B & Sons <deb@example.org>' dist/*.changes
	run lintian --allow-root --fail-on warning dist/*.changes
	echo "$output"
	[ "$status" -eq 0 ]
	dpkg-deb -x dist/nsinit_*.deb "$BATS_TEST_TMPDIR/installed"
	"$BATS_TEST_TMPDIR/installed/usr/bin/nsinit" --version
}

@test "the Debian package builds from the tarball, which has no history, as from the commit" {
	need dpkg-buildpackage dpkg-dev
	need dh debhelper
	need_file /usr/share/build-essential/essential-packages-list build-essential
	local commit version
	version=$(head -n 1 "$root/VERSION")
	clone_to "$BATS_TEST_TMPDIR/tree"
	commit=$(git -C "$BATS_TEST_TMPDIR/tree" rev-parse HEAD)
	# As packaging/release packs it.
	git -C "$BATS_TEST_TMPDIR/tree" archive --prefix="nsinit-$version/" HEAD | tar -C "$BATS_TEST_TMPDIR" -x
	rm -rf "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/nsinit-$version"
	# What was built before does not get into the package's source.
	make -s
	# Without git's identity the maintainer is the user.
	HOME=/ make -s deb >"$BATS_TEST_TMPDIR/log" 2>&1 || {
		tail "$BATS_TEST_TMPDIR/log"
		return 1
	}
	tar -tzf "dist/nsinit_$version.orig.tar.gz" >"$BATS_TEST_TMPDIR/list"
	grep -qx "nsinit-$version/nsinit.1" "$BATS_TEST_TMPDIR/list"
	run -1 grep -xE "nsinit-$version/(nsinit|build/.*|dist/.*)" "$BATS_TEST_TMPDIR/list"
	[[ $(dpkg-deb -f dist/nsinit_*.deb Maintainer) == *" <"*"@"*">" ]]
	dpkg-deb -x dist/nsinit_*.deb "$BATS_TEST_TMPDIR/installed"
	run "$BATS_TEST_TMPDIR/installed/usr/bin/nsinit" --version
	[[ $output == "nsinit version $version - git.${commit:0:7}" ]]
}

@test "the APKBUILD builds Alpine's package and its subpackages" {
	need busybox busybox-static
	clone_to "$BATS_TEST_TMPDIR/tree"
	cd "$BATS_TEST_TMPDIR/tree"
	# shellcheck disable=SC2016 # the inner shell's own
	NSINIT_REPO=https://localhost/nsinit busybox sh -euc '. packaging/alpine/APKBUILD; pkgdir=$1; build; package' apk "$BATS_TEST_TMPDIR/filled" >/dev/null
	cd "$BATS_TEST_TMPDIR/filled/usr"
	[[ $(bin/nsinit --version) == "nsinit version $(head -n 1 "$root/VERSION") - git."* ]]
	# The rest is split among the subpackages by these folders.
	[[ $(find share -type f | sort) == "share/bash-completion/completions/nsinit
share/fish/vendor_completions.d/nsinit.fish
share/man/man1/nsinit.1
share/zsh/site-functions/_nsinit" ]]
}

@test "the workflows are valid YAML, and call existing targets of make, and .ci/run" {
	local file target
	need yamllint yamllint
	for file in "$root"/.github/workflows/*.yml; do
		yamllint -d relaxed --no-warnings "$file"
		grep -v '^ *#' "$file" | grep -oE '\bmake( -[a-zA-Z]+)*( [a-z]+)?( |$)' | awk '$NF ~ /^[a-z]+$/ && NF > 1 { print $NF }' | sort -u >"$BATS_TEST_TMPDIR/targets"
		while read -r target; do
			echo "$file: make $target"
			grep -qE "^([a-z]+ )*$target:" "$root/Makefile"
		done <"$BATS_TEST_TMPDIR/targets"
	done
	grep -q 'bash .ci/run' "$root/.github/workflows/ci.yml"
}

@test "the release workflow compares two builds, attests what it publishes, and has write permission only where needed" {
	need_file /usr/lib/python3/dist-packages/yaml python3-yaml
	python3 - "$root/.github/workflows/release.yml" <<-'END'
		import re, sys, yaml
		flow = yaml.safe_load(open(sys.argv[1]))
		assert flow[True] == {"push": {"tags": ["v*"]}}, flow[True]  # YAML reads `on` as true
		assert flow["permissions"] == {}, flow["permissions"]
		jobs = flow["jobs"]
		text = lambda job: "\n".join(s.get("run", "") + s.get("uses", "") for s in jobs[job]["steps"])
		assert jobs["build"]["permissions"] == {"contents": "read"}
		assert len(jobs["build"]["strategy"]["matrix"]["copy"]) == 2
		assert "make dist" in text("build")
		for job in ("publish", "image"):
		    assert jobs[job]["needs"], job
		assert "diff -r" in text("publish") and "actions/attest-build-provenance" in text("publish")
		assert text("publish").index("diff -r") < text("publish").index("attest") < text("publish").index("gh release")
		assert jobs["image"]["needs"] == "publish" and "attest" in text("image")
	END
}

@test "docs/verify.md names the files that make dist creates, and its checksum command works" {
	local version
	clone_to "$BATS_TEST_TMPDIR/tree"
	# As the page calls it: make prints the directory then.
	make -C "$BATS_TEST_TMPDIR/tree" dist PROCESSORS=
	cd "$BATS_TEST_TMPDIR/tree"
	version=$(head -n 1 VERSION)
	# Its first block.
	# shellcheck disable=SC2016 # the marks of a code block
	sed -n '/^```sh/,/^```/{ /^```$/q; /^```/!p }' docs/verify.md >"$BATS_TEST_TMPDIR/check"
	grep -q sha256sum "$BATS_TEST_TMPDIR/check"
	cd dist
	bash -eu "$BATS_TEST_TMPDIR/check"
	echo x >>"nsinit-$version-$(uname -m)"
	run ! bash -eu "$BATS_TEST_TMPDIR/check"
}

@test "NEWS.md and the packages have the version of the file VERSION" {
	local version
	version=$(head -n 1 "$root/VERSION")
	grep -qx "## $version" "$root/NEWS.md"
	[[ $(grep -oE 'version=[0-9.]+' "$root/docs/verify.md") == "version=$version" ]]
	# shellcheck disable=SC2016 # words of README.md
	[[ $(grep -ohiE 'version=[0-9.]+' "$root/README.md" | sort -u | sed 's/.*=//' | uniq) == "$version" ]]
	grep -qx "pkgver=$version" "$root/packaging/alpine/APKBUILD"
	head -n 1 "$root/packaging/debian/changelog" | grep -qF "($version-"
	sh -n "$root/packaging/alpine/APKBUILD"
}
