/*
 * allow: becomes COMMAND under a seccomp filter that kills the process for every system call except
 * the named ones.
 *
 *     allow CALL... -- COMMAND [ARG]...
 *
 * A CALL that does not exist on this processor is ignored.
 */
#include "calls.h"

#define GIVE_KILL 0x80000000U

/* Calls that are missing in calls.h, which lists those that tests make fail. */
static const struct {
	const char *name;
	int number;
} more[] = {
#ifdef SYS_futex
    {"futex", SYS_futex},
#endif
#ifdef SYS_mmap
    {"mmap", SYS_mmap},
#endif
#ifdef SYS_mmap2
    {"mmap", SYS_mmap2},
#endif
#ifdef SYS_futex_time64
    {"futex", SYS_futex_time64},
#endif
#ifdef SYS_rt_sigtimedwait_time64
    {"rt_sigtimedwait", SYS_rt_sigtimedwait_time64},
#endif
#ifdef SYS_clock_gettime64
    {"clock_gettime", SYS_clock_gettime64},
#endif
#ifdef SYS_fcntl64
    {"fcntl", SYS_fcntl64},
#endif
    {"restart_syscall", SYS_restart_syscall},
    {"rt_sigreturn", SYS_rt_sigreturn},
};
enum { MORE = sizeof more / sizeof *more, STEPS = 512 };

static size_t allow(struct bpf_step *steps, size_t n, int number)
{
	if (n + 3 > STEPS)
		_exit(98);
	steps[n++] = (struct bpf_step)BPF_EQUAL(number, 0, 1);
	steps[n++] = (struct bpf_step)BPF_GIVE(GIVE_ALLOW);
	return n;
}

int main(int argc, char **argv)
{
	static struct bpf_step steps[STEPS];
	size_t n = 0;
	int i;

	steps[n++] = (struct bpf_step)BPF_LOAD(offsetof(struct seccomp_call, nr));
	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		for (int at = 0; at < MORE; at++)
			if (strcmp(more[at].name, argv[i]) == 0)
				n = allow(steps, n, more[at].number);
		for (int at = 0; at < CALLS; at++)
			if (strcmp(calls[at].name, argv[i]) == 0)
				n = allow(steps, n, calls[at].number);
	}
	if (i + 1 >= argc)
		return 98;
	steps[n++] = (struct bpf_step)BPF_GIVE(GIVE_KILL);
	filter(steps, n, 0);
	execv(argv[i + 1], argv + i + 1);
	fail(argv[i + 1]);
}
