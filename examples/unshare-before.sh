#!/bin/sh
# A job in a PID namespace of its own, as it is done with unshare(1): --fork, or the namespace has no init; --kill-child,
# or it outlives its caller; and an init, or nobody reaps orphans and TERM is ignored (tini stands for any here).
# See unshare-after.sh.
#
#     unshare-before.sh COMMAND [ARG]...
set -eu
exec unshare --pid --mount-proc --fork --kill-child tini -- "$@"
