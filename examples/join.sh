#!/bin/sh
# Run a second command in all namespaces, and in the root directory, of a running container. PIDFILE is the file of
# nsinit's --pid-file.
#
#     join.sh PIDFILE COMMAND [ARG]...
set -eu
pid=$(cat "$1")
shift
exec nsenter --target "$pid" --all --root --wd -- "$@"
