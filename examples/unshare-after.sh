#!/bin/sh
# The same as unshare-before.sh, with nsinit. nsinit accepts unshare's options, so only the name has to be changed. The
# three lines do the same.
#
#     unshare-after.sh COMMAND [ARG]...
set -eu
case ${SPELLING:-short} in
same) exec nsinit --pid --mount-proc --fork --kill-child -- "$@" ;;
long) exec nsinit --pid --mount --mount-proc -- "$@" ;;
short) exec nsinit -u -- "$@" ;;
esac
