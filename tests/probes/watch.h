/*
 * The supervisor that fault.c and moment.c share: the system calls of nsinit's processes are held
 * by seccomp(2)'s user notification (SECCOMP_RET_USER_NOTIF, Linux 5.0;
 * SECCOMP_USER_NOTIF_FLAG_CONTINUE, Linux 5.5) until the supervisor answers.
 *
 * strace(1) counts in each process separately, so a fault would hit the outer nsinit, the inner one
 * and COMMAND at once. Here a call is named by PROCESS:CALL:N. Process 0 is the first process whose
 * program is nsinit, process 1 the next that makes a call, and so on. COMMAND is one of them until
 * its exec.
 */
#ifndef WATCH_H
#define WATCH_H

#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "calls.h"

/* linux/seccomp.h */
struct notice {
	uint64_t id;
	uint32_t pid;
	uint32_t flags;
	struct seccomp_call call;
};

struct answer {
	uint64_t id;
	int64_t value;
	int32_t error;
	uint32_t flags;
};

#define NEW_LISTENER 8U
#define ANSWER_GO_ON 1U
#define NOTICE_TAKE  _IOWR('!', 0, struct notice)
#define NOTICE_GIVE  _IOWR('!', 1, struct answer)

enum { PROCESSES = 16, MANY = 5000 };

static struct process {
	uint32_t pid;
	int counts[CALLS];
	uint64_t held;   /* the notification that waits for an answer, or 0 */
	int held_call;   /* the place of its call in calls[] */
	int interrupted; /* a signal interrupted it: the kernel repeats this call (+ 1) */
} processes[PROCESSES];
static int known;

static struct stat program; /* nsinit's */

static inline int is_nsinit(uint32_t pid)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof path, "/proc/%u/exe", pid);
	return stat(path, &st) == 0 && st.st_dev == program.st_dev && st.st_ino == program.st_ino;
}

/* Return the place of PID among nsinit's processes, or -1. */
static inline int place_of(uint32_t pid)
{
	int i;

	if (!is_nsinit(pid))
		return -1;
	for (i = 0; i < known; i++)
		if (processes[i].pid == pid)
			return i;
	if (known == PROCESSES)
		return -1;
	processes[known].pid = pid;
	return known++;
}

static inline int index_of(int nr)
{
	int i;

	for (i = 0; i < CALLS; i++)
		if (calls[i].number == nr)
			return i;
	return -1;
}

static inline int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * (int64_t)1000 + ts.tv_nsec / 1000000;
}

/* Send SIG to PID, from 32 on by sigqueue(3) with its number as the value. */
static inline int send_one(uint32_t pid, int sig)
{
	union sigval value = {.sival_int = sig};
	siginfo_t info = {0};

	if (sig < 32)
		return kill((pid_t)pid, sig);
	info.si_signo = sig;
	info.si_code = SI_QUEUE;
	info.si_pid = getpid();
	info.si_value = value;
	return (int)syscall(SYS_rt_sigqueueinfo, pid, sig, &info);
}

/* The type of ioctl()'s request differs: int in musl, unsigned long in glibc. */
static inline int answer_by(int listener, unsigned long request, void *what)
{
	return (int)syscall(SYS_ioctl, listener, request, what);
}

/* Return the letter of PID's state, or 0 if there is no such process. */
static inline char state_of(uint32_t pid)
{
	char path[64], text[256], *p;
	int fd;
	ssize_t n;

	snprintf(path, sizeof path, "/proc/%u/stat", pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')');
	return (char)(p ? p[2] : 0);
}

static inline int lives(uint32_t pid)
{
	char state = state_of(pid);

	return state && state != 'Z' && state != 'X';
}

/*
 * Start FN(ARG) in a child whose calls, and whose descendants' calls, are held; store the listener.
 * The two share their table of files until the child execs or unshares it. The first call of the
 * child after that is already held.
 */
static inline pid_t watch(int *listener, void (*fn)(void *), void *arg)
{
	struct bpf_step steps[] = {BPF_LOAD(offsetof(struct seccomp_call, nr)),
	    BPF_EQUAL(SYS_exit_group, 1, 0), BPF_GIVE(GIVE_SUPERVISOR), BPF_GIVE(GIVE_ALLOW)};
	volatile int *fd =
	    mmap(NULL, sizeof *fd, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t child;

	if (fd == MAP_FAILED)
		fail("mmap");
	*fd = -1;
	child = (pid_t)syscall(SYS_clone, (long)(CLONE_FILES | SIGCHLD), 0L, 0L, 0L, 0L);
	if (child == -1)
		fail("clone");
	if (child == 0) {
		*fd = filter(steps, sizeof steps / sizeof *steps, NEW_LISTENER);
		fn(arg);
		_exit(99);
	}
	while (*fd == -1 && state_of((uint32_t)child) != 'Z')
		sched_yield();
	*listener = *fd;
	munmap((void *)fd, sizeof *fd);
	return child;
}

/*
 * Receive a held call, waiting at most MS milliseconds. Return 0 if there is none, otherwise 1.
 * Then *PLACE is the process, or -1 if it is not nsinit's; *AT is the call's place in calls[], or
 * -1 if it has no name there; and *N is how often the process has made this call. If the kernel
 * repeats a call because a signal interrupted it, the call is not counted again, and *N is 0.
 */
static inline int watch_next(
    int listener, int ms, struct notice *notice, int *place, int *at, int *n)
{
	struct pollfd fd = {listener, POLLIN, 0};
	struct process *p;

	*notice = (struct notice){0};
	if (poll(&fd, 1, ms) <= 0 || !(fd.revents & POLLIN) ||
	    answer_by(listener, NOTICE_TAKE, notice) == -1)
		return 0;
	*n = 0;
	*at = index_of(notice->call.nr);
	*place = place_of(notice->pid);
	/* nsinit's calls set the mask. One that blocks signals is made by the libc around clone()
	 * (musl since 1.2.5), which expects it to succeed. */
	if (notice->call.nr == SYS_rt_sigprocmask && notice->call.args[0] == SIG_BLOCK)
		*place = -1;
	if (*place < 0 || *at < 0)
		return 1;
	p = &processes[*place];
	if (p->interrupted != *at + 1)
		*n = ++p->counts[*at];
	p->interrupted = 0;
	return 1;
}

/* Continue a held call, or make it fail with ERROR. */
static inline void watch_answer(int listener, uint64_t id, int error)
{
	struct answer answer = {.id = id, .error = -error, .flags = error ? 0 : ANSWER_GO_ON};

	answer_by(listener, NOTICE_GIVE, &answer);
}

#endif
