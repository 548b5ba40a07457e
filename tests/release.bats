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

@test "the workflow for forks is YAML, and calls make's targets and .ci/run alone" {
	need yamllint yamllint
	yamllint -d relaxed --no-warnings "$root/.github/workflows/ci.yml"
	grep -q 'bash .ci/run' "$root/.github/workflows/ci.yml"
	local target
	grep -oE 'make( [a-z]+)?( |$)' "$root/.github/workflows/ci.yml" | awk 'NF > 1 { print $2 }' | sort -u |
		while read -r target; do
			[[ $target == musl ]] || grep -qE "^([a-z]+ )*$target:" "$root/Makefile"
		done
}

@test "the version stands in one place, and the news, the packages and the manual's date follow" {
	local version
	version=$(head -n 1 "$root/VERSION")
	grep -qx "## $version" "$root/NEWS.md"
	grep -qx "pkgver=$version" "$root/packaging/alpine/APKBUILD"
	head -n 1 "$root/packaging/debian/changelog" | grep -qF "($version-"
	sh -n "$root/packaging/alpine/APKBUILD"
}
