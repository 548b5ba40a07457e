/*
 * Linked in by tests/valgrind.sh alone. valgrind runs a child that shares memory only if it is
 * created as vfork(2) does, and ends otherwise: answer as an emulator that refuses it does.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>

int __real_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);

int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	void *parent_tid, *tls, *child_tid;
	va_list ap;
	int pid;

	if (flags & CLONE_VM && !(flags & CLONE_VFORK)) {
		errno = EINVAL;
		return -1;
	}
	va_start(ap, arg);
	parent_tid = va_arg(ap, void *);
	tls = va_arg(ap, void *);
	child_tid = va_arg(ap, void *);
	va_end(ap);
	pid = __real_clone(fn, stack, flags, arg, parent_tid, tls, child_tid);
	return pid;
}
