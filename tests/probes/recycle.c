/*
 * recycle: gives the PID of a process below nsinit to an unrelated one, at the worst moment.
 *
 *     recycle -x NSINIT [OPTION]...
 *
 * nsinit runs with the options and with this probe as COMMAND, which ends and leaves two processes
 * behind: a keeper, and its child, the victim. When nsinit, which has seen the victim in /proc,
 * asks for its pidfd, the call is held (watch.h): the victim is killed and reaped, and a child of
 * this probe gets its PID. Then the call is made. It needs root, for clone3(2)'s set_tid.
 *
 * It prints "PENDING MASK", the signals that the unrelated process has got, in hexadecimal, and
 * "STATUS N" of nsinit. The status is 0 if both are 0, 1 if not, and 3 if the moment never came.
 */
#include "watch.h"

#ifndef SYS_clone3
#define SYS_clone3 435
#endif

enum { TALK = 60, LIMIT = 20000 };

/* linux/sched.h */
struct clone3_args {
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
	    set_tid_size;
};

static _Noreturn void wait_for_ever(void)
{
	for (;;)
		pause();
}

/* COMMAND. The keeper must not end before its child has: the victim would be nsinit's child then,
 * and only nsinit could reap it. */
static _Noreturn void leave_two(void)
{
	int ended[2], ready[2];
	pid_t victim;
	char byte;

	if (pipe(ended) == -1 || pipe(ready) == -1)
		fail("pipe");
	if (fork() != 0) {
		close(ready[1]);
		_exit(read(ready[0], &byte, 1) != 1);
	}
	setsid();
	sig_mask(SIG_BLOCK, sig_bit(SIGTERM));
	sig_dispose(SIGCHLD, SIG_IGN); /* the kernel reaps the victim */
	victim = fork();
	if (victim == 0)
		wait_for_ever();
	close(ended[1]);
	if (write(TALK, &victim, sizeof victim) != sizeof victim || write(ready[1], "", 1) != 1)
		fail("write");
	if (read(ended[0], &byte, 1) == -1)
		fail("read");
	sig_mask(SIG_UNBLOCK, sig_bit(SIGTERM));
	wait_for_ever();
}

static void become(void *arg)
{
	char **argv = arg;

	execv(argv[0], argv);
	fail(argv[0]);
}

/* Kill VICTIM, and return a process that has its PID, with all signals blocked. */
static pid_t replace(pid_t victim)
{
	pid_t id = victim, pid;
	struct clone3_args args = {.exit_signal = SIGCHLD, .set_tid_size = 1};

	args.set_tid = (uint64_t)(uintptr_t)&id;
	kill(victim, SIGKILL);
	while (kill(victim, 0) == 0)
		sched_yield();
	sig_mask(SIG_SETMASK, ALL_MASK);
	/* The kernel frees a PID a moment after the process is gone. */
	do
		pid = (pid_t)syscall(SYS_clone3, &args, sizeof args);
	while (pid == -1 && errno == EEXIST);
	if (pid == -1)
		fail("clone3");
	if (pid == 0)
		wait_for_ever();
	sig_mask(SIG_SETMASK, 0);
	return pid;
}

/* The signals that are pending for PID, which blocks all. */
static uint64_t pending(pid_t pid)
{
	static const char field[] = "ShdPnd:";
	char path[64], line[256];
	uint64_t mask = 0;
	FILE *file;

	snprintf(path, sizeof path, "/proc/%d/status", pid);
	file = fopen(path, "r");
	if (!file)
		fail(path);
	while (fgets(line, sizeof line, file))
		if (strncmp(line, field, sizeof field - 1) == 0)
			mask = strtoull(line + sizeof field - 1, NULL, 16);
	fclose(file);
	return mask;
}

/* Whether nsinit asks for the pidfd of VICTIM, which COMMAND names on TALKED. */
static int is_the_moment(const struct notice *notice, int talked, pid_t *victim)
{
	struct pollfd said = {talked, POLLIN, 0};

	if (notice->call.nr != SYS_pidfd_open)
		return 0;
	if (!*victim && poll(&said, 1, 0) > 0 &&
	    read(talked, victim, sizeof *victim) != sizeof *victim)
		fail("read");
	return *victim && notice->call.args[0] == (uint64_t)*victim;
}

/* Answer the calls below CHILD until it ends, and store its status, or 99 if it does not end.
 * Return the process that has got the victim's PID, or 0. */
static pid_t run(pid_t child, int listener, int talked, int *status)
{
	pid_t victim = 0, unrelated = 0;
	int64_t end = now() + LIMIT;
	struct notice notice;
	int place, at, n;

	while (waitpid(child, status, WNOHANG) == 0) {
		if (now() > end) {
			kill(child, SIGKILL);
			*status = 99 << 8;
			return unrelated;
		}
		if (!watch_next(listener, 5, &notice, &place, &at, &n))
			continue;
		if (!unrelated && place >= 0 && is_the_moment(&notice, talked, &victim))
			unrelated = replace(victim);
		watch_answer(listener, notice.id, 0);
	}
	return unrelated;
}

int main(int argc, char **argv)
{
	enum { WORDS = 64 };
	char *words[WORDS + 1] = {NULL};
	pid_t child, unrelated;
	int listener, status, count = 0, talk[2];
	uint64_t got;

	if (argc == 2 && strcmp(argv[1], "leave-two") == 0)
		leave_two();
	if (argc < 3 || argc > WORDS - 2 || strcmp(argv[1], "-x") != 0 ||
	    stat(argv[2], &program) == -1)
		return 98;
	for (int i = 2; i < argc; i++)
		words[count++] = argv[i];
	words[count++] = argv[0];
	words[count] = "leave-two";

	if (pipe(talk) == -1 || dup2(talk[1], TALK) == -1)
		fail("pipe");
	child = watch(&listener, become, words);
	unrelated = run(child, listener, talk[0], &status);
	if (!unrelated)
		return 3;
	got = pending(unrelated);
	kill(unrelated, SIGKILL);
	status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	printf("PENDING %llx\nSTATUS %d\n", (unsigned long long)got, status);
	return got || status;
}
