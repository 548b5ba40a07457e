/*
 * Linked in by `make sanitize` alone, for what ASan makes of a child that runs on a stack of
 * nsinit's and in its memory.
 */
#include <sanitizer/asan_interface.h>
#include <sched.h>
#include <stdarg.h>

enum { CHILDS_STACK = 8 * 1024 }; /* more than any needs */

void __asan_handle_no_return(void);
int __real_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);
int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);

/* Before a call that does not return, ASan looks up the stack, and reports an error if it has not
 * allocated that stack. So replace the function. */
void __asan_handle_no_return(void)
{
}

/* The child has never returned from the functions whose frames it marked. */
int __wrap_clone(int (*fn)(void *), void *stack, int flags, void *arg, ...)
{
	void *parent_tid, *tls, *child_tid;
	va_list ap;
	int pid;

	va_start(ap, arg);
	parent_tid = va_arg(ap, void *);
	tls = va_arg(ap, void *);
	child_tid = va_arg(ap, void *);
	va_end(ap);
	pid = __real_clone(fn, stack, flags, arg, parent_tid, tls, child_tid);
	if (flags & CLONE_VM)
		ASAN_UNPOISON_MEMORY_REGION((char *)stack - CHILDS_STACK, CHILDS_STACK);
	return pid;
}
