#!/bin/sh
# A container from a directory that holds a root file system, in one line:
#
#     container.sh ROOTFS COMMAND [ARG]...
#
# Its PID, mount, UTS, IPC, network and cgroup namespaces are its own, and /proc inside shows its processes alone. With
# PIDFILE set, COMMAND's PID as seen from here is kept in that file: see join.sh.
set -eu
rootfs=$1
shift
exec nsinit -u --uts --ipc --net --cgroup --hostname box ${PIDFILE:+--pid-file "$PIDFILE"} --root "$rootfs" -- "$@"
