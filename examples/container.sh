#!/bin/sh
# Run a command in a container, from a directory that holds a root file system:
#
#     container.sh ROOTFS COMMAND [ARG]...
#
# The container has its own PID, mount, UTS, IPC, network and cgroup namespaces, and its /proc shows only its own
# processes. If PIDFILE is set, that file holds COMMAND's PID as seen from outside: see join.sh.
set -eu
rootfs=$1
shift
exec nsinit -u --uts --ipc --net --cgroup --hostname box ${PIDFILE:+--pid-file "$PIDFILE"} --root "$rootfs" -- "$@"
