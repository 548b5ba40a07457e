# nsinit in an image of its own: the binary and nothing else. Run it as it is, or take the file out of it:
#
#   docker build -t nsinit .
#   COPY --from=nsinit /nsinit /nsinit
#
# BASE is what it is built in, a Debian or an Alpine. The builder has the target's processor, by emulation where
# it must: so the binary is musl's for every --platform, and compiling takes seconds even so.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
RUN set -e; \
	if command -v make >/dev/null && command -v musl-gcc >/dev/null; then exit; fi; \
	if command -v apk >/dev/null; then exec apk add --no-cache gcc make musl-dev; fi; \
	apt-get update; \
	apt-get install -y --no-install-recommends gcc make musl-tools; \
	rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
# The context has no history to read the commit from: --build-arg COMMIT=$(git rev-parse HEAD).
ARG COMMIT
RUN make ${COMMIT:+COMMIT="$COMMIT"} && ./nsinit --version

FROM scratch
ARG COMMIT
LABEL org.opencontainers.image.title="nsinit" \
	org.opencontainers.image.description="A PID 1 for containers, and the namespaces below it" \
	org.opencontainers.image.licenses="MIT" \
	org.opencontainers.image.revision="${COMMIT}"
COPY --from=build /src/nsinit /nsinit
ENTRYPOINT ["/nsinit", "--"]
