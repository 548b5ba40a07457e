#!/bin/sh
# What container.sh does, without any privilege: whoever calls it is root inside, and nobody but himself outside.
#
#     rootless.sh ROOTFS COMMAND [ARG]...
#
# It needs user namespaces that are switched on, and a /proc that no container around has masked; where one is missing,
# nsinit says which.
set -eu
rootfs=$1
shift
exec nsinit --map-root-user -u --uts --ipc --net --cgroup --hostname box ${PIDFILE:+--pid-file "$PIDFILE"} \
	--root "$rootfs" -- "$@"
