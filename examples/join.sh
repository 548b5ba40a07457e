#!/bin/sh
# Join a running container, which is found by the file of nsinit's --pid-file: run a second command in all of its
# namespaces and in its root directory.
#
#     join.sh PIDFILE COMMAND [ARG]...
set -eu
pid=$(cat "$1")
shift
exec nsenter --target "$pid" --all --root --wd -- "$@"
