#!/bin/sh
# The same as container.sh without privileges. The caller is root inside the container, and has its own rights outside.
#
#     rootless.sh ROOTFS COMMAND [ARG]...
#
# User namespaces must be enabled, and /proc must not be masked by an outer container. nsinit's message says which of these
# is missing.
set -eu
rootfs=$1
shift
exec nsinit --map-root-user -u --uts --ipc --net --cgroup --hostname box ${PIDFILE:+--pid-file "$PIDFILE"} \
	--root "$rootfs" -- "$@"
