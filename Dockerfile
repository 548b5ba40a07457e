# An image that contains only nsinit. Use it as it is, or copy the binary into another image:
#
#   docker build -t nsinit .
#   COPY --from=nsinit /nsinit /nsinit
#
# BASE is the image to build in, a Debian or an Alpine. The build runs on the target's processor, emulated if necessary.
# So the binary is built with musl for every --platform. It takes seconds also under emulation.
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
# The build context has no git history, so pass the commit: --build-arg COMMIT=$(git rev-parse HEAD).
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
