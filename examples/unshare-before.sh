#!/bin/sh
# Run a command in a new PID namespace with unshare(1). It needs --fork, because otherwise the namespace has no init;
# --kill-child, because otherwise the namespace outlives its caller; and an init such as tini, because otherwise orphans
# are not reaped and TERM is ignored. See unshare-after.sh.
#
#     unshare-before.sh COMMAND [ARG]...
set -eu
exec unshare --pid --mount-proc --fork --kill-child tini -- "$@"
