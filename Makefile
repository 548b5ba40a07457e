# Builds, checks, installs and packs nsinit. CC, CPPFLAGS, CFLAGS, LDFLAGS, PREFIX, DESTDIR and
# MANDIR are the user's: what nsinit itself needs stands in variables of its own, before theirs.
#
#   make                     ./nsinit, static, by musl-gcc where there is one and by cc where not
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

# --- who compiles, and where to ---

BUILD = build
BIN = nsinit

triplet_aarch64 = aarch64-linux-gnu
triplet_armhf = arm-linux-gnueabihf
triplet_i386 = i686-linux-gnu
triplet_ppc64el = powerpc64le-linux-gnu
triplet_riscv64 = riscv64-linux-gnu
triplet_s390x = s390x-linux-gnu
triplet_x86_64 = x86_64-linux-gnu

# musl's names for them.
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
# The headers are musl's and gcc's own, none of glibc's. -B makes gcc take crt1.o, crti.o, crtn.o and libc.a from there.
musl_cppflags = -nostdinc -isystem $(musl_usr)/include/$(musl_$(CROSS)) -isystem $(gcc_include)
musl_ldflags = -B$(musl_usr)/lib/$(musl_$(CROSS))/
gcc_include := $(shell $(CC) -print-file-name=include)
endif
endif

ifeq ($(origin CC),default)
CC := $(if $(shell command -v musl-gcc),musl-gcc,cc)
endif

# --- what is built ---

# VERSION's second line is the commit in an archive, and git's own placeholder in a clone.
VERSION := $(firstword $(file <VERSION))
COMMIT := $(or $(if $(wildcard .git),$(shell git --git-dir=.git rev-parse HEAD 2>/dev/null)),\
$(filter-out $$Format%,$(word 2,$(file <VERSION))),unknown)
SHORT := $(shell printf %.7s '$(COMMIT)')

SRCS := $(sort $(wildcard *.c))
# The order of linking: what an idle nsinit runs, the libc, and from cold.c on what the start alone needs. memory.c gives
# that back.
hot = $(patsubst %,$(BUILD)/%.o,supervise text log memory signals child reaper peer descendants)
cold = $(BUILD)/cold.o
OBJS := $(SRCS:%.c=$(BUILD)/%.o)
PROBES := $(patsubst tests/probes/%.c,$(BUILD)/probes/%,$(wildcard tests/probes/*.c))

warnings = -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes -Wconversion \
	$(if $(WERROR),-Werror)
own_cppflags = -D_GNU_SOURCE -Iinclude $(musl_cppflags)
# What makes nsinit smaller, if the compiler knows it: GCC 12 and clang have -Oz, GCC on x86 aligns arrays to 32 bytes
# without -malign-data.
smallest := $(foreach flag,-Oz -malign-data=abi -fno-move-loop-invariants -fno-caller-saves,\
	$(shell $(CC) -Werror $(flag) -c -o /dev/null -x c /dev/null >/dev/null 2>&1 && echo $(flag)))
# A section for each function, so that the linker can drop those that nobody calls. A table to jump by would lie among
# the constants, which memory.c gives back.
own_cflags = -std=c11 -Os $(smallest) $(warnings) -ffunction-sections -fdata-sections -fno-pie \
	-fno-asynchronous-unwind-tables -fno-unwind-tables -fno-jump-tables
# Not among the flags that are recorded: a tree that was moved is the same tree.
nowhere = '-ffile-prefix-map=$(CURDIR)=.'
# Not -static-pie: Debian's musl-gcc then links dynamically without a word.
STATIC = -static $(if $(findstring clang,$(CC)),,-no-pie) -s
own_ldflags = $(STATIC) -Wl,--gc-sections -Wl,--build-id=none \
	-Wl,-z,noexecstack -Wl,-z,noseparate-code -Wl,-z,norelro $(unpadded) $(musl_ldflags)
# The little that is data follows the text in the file without a gap. lld knows no such page.
unpadded = $(if $(findstring clang,$(CC)),,-Wl,-z,common-page-size=16)
# With musl and GNU ld: nsinit without the startup code and the tables that it does not need.
trimmed = $(if $(findstring musl-gcc,$(CC))$(musl_ldflags),-Wl$(comma)-T$(comma)startup.ld)
comma = ,
version_flags = -DNSINIT_VERSION='"$(VERSION)"' -DNSINIT_COMMIT='"$(SHORT)"'

compile = $(CC) $(own_cppflags) $(own_cflags) $(CPPFLAGS) $(CFLAGS)
link = $(CC) $(CFLAGS) $(own_ldflags) $(LDFLAGS)

all: $(BIN)

$(BIN): $(OBJS) startup.ld $(BUILD)/link.is
	$(link) $(trimmed) -o $@ $(hot) -lc $(cold) $(filter-out $(hot) $(cold),$(OBJS)) $(LDLIBS)

$(BUILD)/%.o: %.c $(BUILD)/compile.is
	$(compile) $(nowhere) -MMD -MP -c -o $@ $<

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

# TESTS chooses files, BATSFLAGS adds to bats's own options (--filter REGEX, --jobs N).
TESTS = tests
bats = BATS_TEST_TIMEOUT=$${BATS_TEST_TIMEOUT:-300} bats $(BATSFLAGS)

check: all probes
	$(bats) $(TESTS)

# Without what needs an engine, a virtual machine, seccomp(2) or the sources: for other builds and processors.
# NSINIT and PROBES name what is tested.
core:
	$(bats) --filter-tags '!docker,!qemu,!seccomp,!tree' $(TESTS)

# The core in virtual machines with Debian's kernels: check boots those of tests/kernels.bats, and this boots all. It
# needs opensbi, qemu-system-misc and qemu-system-ppc besides tests/packages.
kernels: all probes
	BATS_TEST_TIMEOUT=1800 bats $(BATSFLAGS) tests/kernels.bats tests/kernels

lint:
	tests/lint $(if $(CI)$(STRICT)$(WERROR),--strict)

demo: all
	examples/demo.sh

# As core, but with seccomp(2), and without what only a static and small nsinit holds.
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
		NSINIT=$(CURDIR)/build/sanitize/nsinit $(dynamic)

counters = $(CURDIR)/build/coverage.counters
coverage:
	mkdir -p build/coverage
	gcc -DCOUNTERS='"$(counters)"' -c -o build/coverage.o tests/coverage.c
	$(MAKE) BUILD=build/coverage BIN=build/coverage/nsinit CC=gcc \
		CFLAGS='-g -O0 --coverage' LDLIBS=build/coverage.o LDFLAGS=-Wl,-T,tests/coverage.ld
	$(MAKE) probes
	find build/coverage -name '*.gcda' -delete
	rm -f $(counters)
	truncate -s 1M $(counters)
	chmod a+rw $(counters)
	-exec 9<>$(counters); export NSINIT=$(CURDIR)/build/coverage/nsinit; \
		$(bats) --filter-tags '!docker,!qemu,!tree' $(TESTS); \
		$(if $(filter tests,$(TESTS)),tests/faults.sh)
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

# Each row: what it is, where it goes, its mode.
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

# The other processors that a release has a binary for. PROCESSORS= leaves them out.
PROCESSORS = $(sort $(filter-out $(shell uname -m),$(patsubst triplet_%,%,$(filter triplet_%,$(.VARIABLES)))))
dist: $(if $(PROCESSORS),musl)
	MUSL=$(abspath $(MUSL)) packaging/release $(VERSION) $(PROCESSORS)

# The suite and the architecture that each processor's musl comes from: Debian 12, which has no riscv64.
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

# For packaging/release: which libc.a is linked.
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
