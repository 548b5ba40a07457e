#!/bin/sh
# What unshare-before.sh does, with nsinit, which takes unshare's words too: nothing but the name has to be changed, and
# each of the three lines does the same.
#
#     unshare-after.sh COMMAND [ARG]...
set -eu
case ${SPELLING:-short} in
same) exec nsinit --pid --mount-proc --fork --kill-child -- "$@" ;;
long) exec nsinit --pid --mount --mount-proc -- "$@" ;;
short) exec nsinit -u -- "$@" ;;
esac
