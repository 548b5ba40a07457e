#!/bin/sh
# Joins a running container by the PID file that nsinit keeps for it (--pid-file): a second COMMAND in all of its
# namespaces, below its root directory.
#
#     join.sh PIDFILE COMMAND [ARG]...
set -eu
pid=$(cat "$1")
shift
exec nsenter --target "$pid" --all --root --wd -- "$@"
