# Builds, checks, installs and packs nsinit. CC, CPPFLAGS, CFLAGS, LDFLAGS, PREFIX, DESTDIR and MANDIR belong to the
# user. The flags that nsinit itself needs are in separate variables and come first.
#
#   make                     ./nsinit, static, built by musl-gcc if it is installed and otherwise by cc
#   make CC=gcc              the same with glibc
#   make CROSS=aarch64       build/nsinit-aarch64 (also armhf, i386, ppc64el, riscv64, s390x, x86_64): with musl after
#                            `make musl`, otherwise with the cross compiler's glibc
#   make WERROR=1            warnings are errors, as in CI
#   make STATIC=-no-pie      linked dynamically, not stripped: for debuggers

.SUFFIXES:
.DELETE_ON_ERROR:
.PHONY: all probes check core kernels sanitize coverage lint demo bench soak fuzz
.PHONY: install uninstall musl libc dist deb pictures clean FORCE

all:

# --- compilers and directories ---

BUILD = build
BIN = nsinit

triplet_aarch64 = aarch64-linux-gnu
triplet_armhf = arm-linux-gnueabihf
triplet_i386 = i686-linux-gnu
triplet_ppc64el = powerpc64le-linux-gnu
triplet_riscv64 = riscv64-linux-gnu
triplet_s390x = s390x-linux-gnu
triplet_x86_64 = x86_64-linux-gnu

# The same names in musl's form.
musl_aarch64 = aarch64-linux-musl
musl_armhf = arm-linux-musleabihf
musl_i386 = i386-linux-musl
musl_ppc64el = powerpc64le-linux-musl
musl_riscv64 = riscv64-linux-musl
musl_s390x = s390x-linux-musl
musl_x86_64 = x86_64-linux-musl

# `make musl` unpacks Debian's musl-dev packages below MUSL; installed ones are found as well. MUSL= uses glibc.
MUSL = build/musl

ifdef CROSS
ifndef triplet_$(CROSS)
$(error CROSS=$(CROSS) is none of aarch64 armhf i386 ppc64el riscv64 s390x x86_64)
endif
CC = $(triplet_$(CROSS))-gcc
BUILD = build/$(CROSS)
BIN = build/nsinit-$(CROSS)
musl_usr := $(firstword $(foreach usr,$(if $(MUSL),$(MUSL)/usr /usr),\
	$(if $(wildcard $(usr)/lib/$(musl_$(CROSS))/libc.a),$(usr))))
ifneq ($(musl_usr),)
# Use the headers of musl and gcc, and none of glibc's. -B makes gcc use crt1.o, crti.o, crtn.o and libc.a from that
# directory.
musl_cppflags = -nostdinc -isystem $(musl_usr)/include/$(musl_$(CROSS)) -isystem $(gcc_include)
musl_ldflags = -B$(musl_usr)/lib/$(musl_$(CROSS))/
gcc_include := $(shell $(CC) -print-file-name=include)
endif
endif

# make -R knows no CC.
ifneq ($(filter default undefined,$(origin CC)),)
CC := $(if $(shell command -v musl-gcc),musl-gcc,cc)
endif

# --- what is built ---

comma = ,
# With musl and GNU ld, leave out startup code, tables and gaps that nsinit does not need.
trimmed = $(if $(findstring musl-gcc,$(CC))$(musl_ldflags),\
	-Wl$(comma)-T$(comma)startup.ld$(comma)--defsym=code_alignment=$(code_alignment))
machine := $(shell $(CC) -dumpmachine)
# In bytes, what the processor requires of an instruction or of the constants that are between instructions.
code_alignment = $(if $(filter x86_64% i386% i486% i586% i686%,$(machine)),1,$(if $(filter riscv% s390%,$(machine)),2,4))

# The second line of VERSION is the commit in an archive, and git's placeholder in a clone.
VERSION := $(firstword $(file <VERSION))
COMMIT := $(or $(if $(wildcard .git),$(shell git --git-dir=.git rev-parse HEAD 2>/dev/null)),\
$(filter-out $$Format%,$(word 2,$(file <VERSION))),unknown)
SHORT := $(shell printf %.7s '$(COMMIT)')

SRCS := $(sort $(wildcard *.c))
# The order of linking: first what an idle nsinit runs, then the libc, then from cold.c on what only the start needs.
# memory.c releases that last part.
hot = $(patsubst %,$(BUILD)/%.o,supervise text small log memory signals child reaper peer descendants)
cold = $(BUILD)/cold.o
OBJS := $(SRCS:%.c=$(BUILD)/%.o)
PROBES := $(patsubst tests/probes/%.c,$(BUILD)/probes/%,$(wildcard tests/probes/*.c))

warnings = -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
	$(if $(WERROR),-Werror)
own_cppflags = -D_GNU_SOURCE -Iinclude $(musl_cppflags)
# Flags that make nsinit smaller, if the compiler supports them. GCC 12 and clang have -Oz. Without -malign-data GCC
# aligns arrays to 32 bytes on x86. The assembler fills each function's section up to its alignment.
supported = $(foreach flag,$1,$(shell $(CC) -Werror $(flag) -c -o /dev/null -x c /dev/null >/dev/null 2>&1 && echo $(flag)))
smallest := $(call supported,-Oz -malign-data=abi -fno-move-loop-invariants -fno-caller-saves -fno-tree-tail-merge \
	-Wa$(comma)--no-pad-sections)
# s390x has a shorter call, which reaches 64 KB. The linker reports a call that does not reach its function, so this is
# safe, but glibc is too large for it.
ifneq ($(and $(findstring s390x,$(machine)),$(trimmed)),)
smallest += -msmall-exec -mtune=z13 -fno-guess-branch-probability
endif
# Put each function into its own section, so that the linker can discard unused ones. Avoid jump tables, because they
# would be among the constants that memory.c releases.
own_cflags = -std=c11 -Os $(smallest) $(warnings) -ffunction-sections -fdata-sections -fno-pie \
	-fno-asynchronous-unwind-tables -fno-unwind-tables -fno-jump-tables
# This flag is not recorded, so that moving the tree does not cause a rebuild.
nowhere = $(call quote,-ffile-prefix-map=$(CURDIR)=.)
# Do not use -static-pie: Debian's musl-gcc then links dynamically, without a warning.
STATIC = -static $(if $(findstring clang,$(CC)),,-no-pie) -s
own_ldflags = $(STATIC) -Wl,--gc-sections -Wl,--build-id=none \
	-Wl,-z,noexecstack -Wl,-z,noseparate-code -Wl,-z,norelro $(unpadded) $(musl_ldflags)
# Avoid a gap in the file between the text and the few bytes of data. lld does not accept such a page size.
unpadded = $(if $(findstring clang,$(CC)),,-Wl,-z,common-page-size=16)
version_flags = -DNSINIT_VERSION='"$(VERSION)"' -DNSINIT_COMMIT='"$(SHORT)"'

compile = $(CC) $(own_cppflags) $(own_cflags) $(CPPFLAGS) $(CFLAGS)
link = $(CC) $(CFLAGS) $(own_ldflags) $(LDFLAGS)

all: $(BIN)

$(BIN): $(OBJS) startup.ld $(BUILD)/link.is
	$(link) $(trimmed) -o $@ $(hot) -lc $(cold) $(filter-out $(hot) $(cold),$(OBJS)) $(LDLIBS)

$(BUILD)/%.o: %.c $(BUILD)/compile.is
	$(compile) $(nowhere) -MMD -MP -c -o $@ $<

# Otherwise the compiler may make a loop in memcpy into a call of memcpy.
$(BUILD)/small.o: own_cflags += -fno-builtin $(no_patterns)
no_patterns := $(call supported,-fno-tree-loop-distribute-patterns)

$(BUILD)/options.o: own_cppflags += $(version_flags)
$(BUILD)/options.o: $(BUILD)/version.is

probes: $(PROBES)

$(BUILD)/probes/%.o: tests/probes/%.c $(BUILD)/compile.is
	@mkdir -p $(@D)
	$(compile) $(nowhere) -MMD -MP -c -o $@ $<

$(BUILD)/probes/%: $(BUILD)/probes/%.o $(BUILD)/link.is
	$(link) -o $@ $< $(LDLIBS)

.SECONDARY: $(PROBES:=.o)
-include $(wildcard $(OBJS:.o=.d) $(PROBES:=.d))

# Record each target's build flags, and rebuild when they change.
quote = '$(subst ','\'',$1)'
define remember
ifneq ($$(file <$(BUILD)/$1.is),$$(strip $$($2)))
$(BUILD)/$1.is: FORCE
endif
$(BUILD)/$1.is:
	@mkdir -p $$(@D)
	@printf '%s\n' $$(call quote,$$(strip $$($2))) >$$@
endef
compile_is := $(compile)
link_is := $(link) $(trimmed) $(LDLIBS) $(SRCS)
version_is := $(version_flags)
$(eval $(call remember,compile,compile_is))
$(eval $(call remember,link,link_is))
$(eval $(call remember,version,version_is))

# --- checking ---

# TESTS selects files. BATSFLAGS adds options of bats (--filter REGEX, --jobs N).
TESTS = tests
bats = BATS_TEST_TIMEOUT=$${BATS_TEST_TIMEOUT:-300} bats $(BATSFLAGS)

check: all probes
	$(bats) $(TESTS)

# For other builds and processors: omit the tests that need an engine, a virtual machine, seccomp(2) or the sources.
# NSINIT and PROBES name the binaries to test.
core:
	$(bats) --filter-tags '!docker,!qemu,!seccomp,!tree' $(TESTS)

# Run the core tests in virtual machines with Debian's kernels. `make check` boots those of tests/kernels.bats, `make
# kernels` boots all. It needs opensbi, qemu-system-misc and qemu-system-ppc in addition to tests/packages.
kernels: all probes
	BATS_TEST_TIMEOUT=1800 bats $(BATSFLAGS) tests/kernels.bats tests/kernels

lint:
	tests/lint $(if $(CI)$(STRICT)$(WERROR),--strict)

demo: all
	examples/demo.sh

# Like core, but with the tests that need seccomp(2), and without those that hold only for a small static nsinit.
dynamic = $(bats) --filter-tags '!docker,!qemu,!static,!tree' $(TESTS)

# musl has no sanitizers.
glibc_cc = $(if $(filter musl-gcc cc,$(CC)),gcc,$(CC))
sanitized = -g -O1 -fPIE -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all
sanitize:
	mkdir -p build/sanitize
	$(glibc_cc) -D_GNU_SOURCE -fsanitize=address -c -o build/sanitize.o tests/sanitize.c
	$(MAKE) BUILD=build/sanitize BIN=build/sanitize/nsinit CC=$(glibc_cc) STATIC=-pie \
		CFLAGS='$(sanitized)' LDLIBS=build/sanitize.o LDFLAGS=-Wl,--wrap=clone
	$(MAKE) probes
	ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1 \
		NSINIT=$(call quote,$(CURDIR)/build/sanitize/nsinit) $(dynamic)

counters = build/coverage.counters
coverage:
	mkdir -p build/coverage
	gcc -DCOUNTERS=$(call quote,"$(CURDIR)/$(counters)") -c -o build/coverage.o tests/coverage.c
	$(MAKE) BUILD=build/coverage BIN=build/coverage/nsinit CC=gcc \
		CFLAGS='-g -O0 --coverage -fprofile-update=atomic' LDLIBS=build/coverage.o LDFLAGS=-Wl,-T,tests/coverage.ld
	$(MAKE) probes
	find build/coverage -name '*.gcda' -delete
	rm -f $(counters)
	truncate -s 1M $(counters)
	chmod a+rw $(counters)
	-exec 9<>$(counters); export NSINIT=$(call quote,$(CURDIR)/build/coverage/nsinit); \
		$(bats) --filter-tags '!docker,!qemu,!tree' $(TESTS); \
		$(if $(filter tests,$(TESTS)),tests/faults.sh; tests/moments.sh)
	COVERAGE_END=1 build/coverage/nsinit
	gcovr --root . --exclude tests --print-summary build/coverage

bench: all
	bench/run

soak: all probes
	tests/soak/run

fuzz:
	tests/fuzz/run

# --- installing and packing ---

PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man
DATADIR = $(PREFIX)/share

# Each row: the file, where it is installed, its mode.
installed = $(BIN):$(BINDIR)/nsinit:755 nsinit.1:$(MANDIR)/man1/nsinit.1:644 \
	completions/nsinit.bash:$(DATADIR)/bash-completion/completions/nsinit:644 \
	completions/_nsinit:$(DATADIR)/zsh/site-functions/_nsinit:644 \
	completions/nsinit.fish:$(DATADIR)/fish/vendor_completions.d/nsinit.fish:644

install: all
	@set -e; for row in $(installed); do \
		IFS=:; set -- $$row; unset IFS; \
		if [ -e "$$1" ]; then (set -x; install -D -m "$$3" "$$1" "$(DESTDIR)$$2"); fi; \
	done

uninstall:
	@set -e; for row in $(installed); do \
		IFS=:; set -- $$row; unset IFS; (set -x; rm -f "$(DESTDIR)$$2"); \
	done

# The other processors for which a release has a binary. PROCESSORS= omits them.
PROCESSORS = $(sort $(filter-out $(shell uname -m),$(patsubst triplet_%,%,$(filter triplet_%,$(.VARIABLES)))))
dist: $(if $(PROCESSORS),musl)
	MUSL=$(call quote,$(abspath $(MUSL))) packaging/release $(VERSION) $(PROCESSORS)

# The Debian suite and architecture that provide musl for each processor. Debian 12 has no riscv64.
deb_aarch64 = bookworm/musl-dev:arm64
deb_armhf = bookworm/musl-dev:armhf
deb_i386 = bookworm/musl-dev:i386
deb_ppc64el = bookworm/musl-dev:ppc64el
deb_riscv64 = trixie/musl-dev:riscv64
deb_s390x = bookworm/musl-dev:s390x
deb_x86_64 = bookworm/musl-dev:amd64

define musl_rule
musl: $(MUSL)/usr/lib/$(musl_$1)/libc.a
$(MUSL)/usr/lib/$(musl_$1)/libc.a:
	packaging/fetch $(MUSL) $(deb_$1)
endef
$(foreach processor,$(or $(CROSS),$(PROCESSORS)),$(eval $(call musl_rule,$(processor))))

# For packaging/release: print the libc.a that is linked.
libc:
	@mkdir -p $(BUILD)
	@echo 'int main(void) { return 0; }' | $(CC) $(own_ldflags) -Wl,-t -o $(BUILD)/libc -x c - | \
		sed -n 's/^(*\(.*\/libc\.a\).*/\1/p' | head -n 1

deb:
	packaging/deb $(VERSION)

# Pictures whose sources are in the tree; bench/run draws its own.
pictures:
	gnuplot docs/pod-end.gp

clean:
	rm -rf build dist nsinit
