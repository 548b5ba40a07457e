/*
 * The window in which PID 1 loses a TERM: from its execve(2) until it blocks or handles the signal,
 * the kernel discards it, because PID 1 has no default actions. No init can close that window from
 * inside, only shorten it.
 *
 *	window [-n ROUNDS] [-w MICROSECONDS] [-c CPU] [-s CPU] -- NAME WORD... [::: NAME WORD...]...
 *
 * Each contender is started ROUNDS times as PID 1 of a new PID namespace. Each time one TERM is
 * sent to it, at a moment within WIDTH (-w) microseconds of the start of its execve(2). The moments
 * are spread evenly, and drawn at random within each slice, so that the share of the TERMs that are
 * lost, times WIDTH, is the mean length of the window. Every contender gets the same moments, and
 * the contenders take turns.
 *
 * The init's COMMAND is this program. TERM ends it with status GOT. Once it is ready, the measurer
 * sends PWR, which ends it with LOST. An init that holds both forwards TERM first, because the
 * kernel delivers the lower number first. -c is the processor of the init and its COMMAND, -s that
 * of the measurer, which spins until the TERM is due: they must differ. Both the measurer and the
 * init have a realtime priority, so that other load does not lengthen the window; COMMAND has none.
 *
 * Built with -Wl,-e,first (x86-64 and aarch64), this program can itself stand in an init's place,
 * and shows the shortest window that any program can have: its first instructions block all
 * signals.
 *
 * Prints, for each contender, separated by tabs: "window", its name, the TERMs that were lost,
 * ROUNDS, the mean length of the window in microseconds, and the last moment at which one was lost.
 */

#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "shared.h"

#define MAX_CONTENDERS 16
#define MAX_WORDS      32
#define MARK           SIGPWR

enum { GOT = 42, LOST = 43 };

struct contender {
	const char *name;
	char *words[MAX_WORDS + 2];
	int count;
	long lost, failed;
	double last; /* us: the latest moment at which a TERM was lost */
};

/* The entry point of window-least, which blocks all signals before the libc begins. This contender
 * exists only on these two processors. */
#if defined(__x86_64__)
__asm__(".globl first\n"
	"first:	mov $14, %eax\n" /* rt_sigprocmask(SIG_SETMASK, &all, NULL, 8) */
	"	mov $2, %edi\n"
	"	lea 1f(%rip), %rsi\n"
	"	mov %rdx, %r8\n" /* the libc's */
	"	xor %edx, %edx\n"
	"	mov $8, %r10d\n"
	"	syscall\n"
	"	mov %r8, %rdx\n"
	"	jmp _start\n"
	"1:	.quad -1\n");
#elif defined(__aarch64__)
__asm__(".globl first\n"
	"first:	mov x8, #135\n"
	"	mov x9, x0\n"
	"	mov x0, #2\n"
	"	adr x1, 1f\n"
	"	mov x2, #0\n"
	"	mov x3, #8\n"
	"	svc #0\n"
	"	mov x0, x9\n"
	"	b _start\n"
	"	.balign 8\n"
	"1:	.quad -1\n");
#endif

static struct contender contenders[MAX_CONTENDERS];
static int contender_count;
static int cpu_init = -1, cpu_measurer = -1;
static struct shared *shared;

static void pin(int cpu)
{
	cpu_set_t set;

	if (cpu < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)cpu, &set);
	if (sched_setaffinity(0, sizeof set, &set) == -1)
		err(1, "pin to processor %d", cpu);
}

/* COMMAND: block all signals, report that, and end on the first signal. */
static int command(void)
{
	sigset_t all;
	siginfo_t info;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	atomic_store(&shared->ready, 1);
	for (;;) {
		switch (sigwaitinfo(&all, &info)) {
		case SIGTERM:
			return GOT;
		case MARK:
			return LOST;
		}
	}
}

/* The new process. It shares our memory until its execve, so that the window does not begin with
 * the removal of a copy of it. On an error it exits, which the measurer notices. */
static int launched(void *data)
{
	struct contender *who = data;

	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == -1 ||
	    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == -1)
		_exit(1);
	pin(cpu_init);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	take_precedence(SCHED_RESET_ON_FORK); /* COMMAND has none */
	announce(&shared->seen, 1);
	if (await(&shared->go, 1, WAIT_LIMIT) == -1)
		_exit(1);
	atomic_store(&shared->stamp, now());
	execv(who->words[0], who->words);
	_exit(1);
}

/* Start the contender, send one TERM DELAY nanoseconds after its execve began, and record whether
 * the TERM was lost. */
static void aim(struct contender *who, uint64_t delay)
{
	static char stack[65536] __attribute__((aligned(16)));
	const struct timespec nap = {.tv_nsec = 100000};
	uint64_t begun, limit;
	int status, marked = 0;
	pid_t pid;

	memset(shared, 0, sizeof *shared);
	pid = clone(
	    launched, stack + sizeof stack, CLONE_VM | CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, who);
	if (pid == -1)
		err(1, "clone");
	if (await(&shared->seen, 1, WAIT_LIMIT) == -1)
		errx(1, "%s was not started", who->name);
	announce(&shared->go, 1);
	while ((begun = atomic_load(&shared->stamp)) == 0)
		;
	while (now() - begun < delay)
		;
	kill(pid, SIGTERM);
	limit = begun + (uint64_t)WAIT_LIMIT * 1000000000U;
	while (waitpid(pid, &status, WNOHANG) == 0) {
		nanosleep(&nap, NULL);
		if (!marked && atomic_load(&shared->ready) != 0) {
			kill(pid, MARK);
			marked = 1;
		}
		if (now() > limit) {
			kill(pid, SIGKILL);
			errx(1, "%s: hangs", who->name);
		}
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == LOST) {
		who->lost++;
		if ((double)delay / 1000 > who->last)
			who->last = (double)delay / 1000;
	} else if (!WIFEXITED(status) ||
		   (WEXITSTATUS(status) != GOT && WEXITSTATUS(status) != 128 + SIGTERM)) {
		who->failed++;
		warnx("%s: wait status %#x", who->name, (unsigned)status);
	}
}

static long number(const char *text, long least, long most)
{
	char *end;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno != 0 || *text == '\0' || *end != '\0' || value < least || value > most)
		errx(2, "%s is not a number from %ld to %ld", text, least, most);
	return value;
}

int main(int argc, char **argv)
{
	long rounds = 1000, width = 1000;
	static char self[4096], word[] = "command";
	uint64_t random = 88172645463325252U;
	long *order;
	ssize_t length;
	int opt, fd;

	if (argc > 1 && strcmp(argv[argc - 1], word) == 0)
		return command();
	while ((opt = getopt(argc, argv, "+n:w:c:s:")) != -1) {
		switch (opt) {
		case 'n':
			rounds = number(optarg, 1, 1000000);
			break;
		case 'w':
			width = number(optarg, 1, 1000000);
			break;
		case 'c':
			cpu_init = (int)number(optarg, 0, CPU_SETSIZE - 1);
			break;
		case 's':
			cpu_measurer = (int)number(optarg, 0, CPU_SETSIZE - 1);
			break;
		default:
			return 2;
		}
	}
	length = readlink("/proc/self/exe", self, sizeof self - 1);
	if (length == -1)
		err(1, "/proc/self/exe");
	self[length] = '\0';
	for (int i = optind; i < argc; i++) {
		struct contender *who = &contenders[contender_count++];

		if (contender_count > MAX_CONTENDERS)
			errx(2, "too many contenders");
		who->name = argv[i++];
		while (i < argc && strcmp(argv[i], ":::") != 0) {
			if (who->count == MAX_WORDS - 2)
				errx(2, "%s: too many words", who->name);
			who->words[who->count++] = argv[i++];
		}
		who->words[who->count++] = self;
		who->words[who->count++] = word;
	}
	if (contender_count == 0)
		errx(2, "no contender");

	fd = memfd_create("window", 0);
	if (fd == -1 || ftruncate(fd, (off_t)sizeof *shared) == -1 || dup2(fd, SHARED_FD) == -1)
		err(1, "shared memory");
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");
	close(fd);
	pin(cpu_measurer);
	take_precedence(0);

	/* Visit the slices in random order, so that a trend of the machine does not look like an
	 * effect of the moment. */
	order = malloc(sizeof *order * (size_t)rounds);
	if (order == NULL)
		err(1, "malloc");
	for (long i = 0; i < rounds; i++)
		order[i] = i;
	for (long i = rounds - 1; i > 0; i--) {
		long j, swap;

		random = random * 6364136223846793005U + 1442695040888963407U;
		j = (long)((random >> 33) % (uint64_t)(i + 1));
		swap = order[i];
		order[i] = order[j];
		order[j] = swap;
	}
	for (long round = 0; round < rounds; round++) {
		double slice, moment;

		random = random * 6364136223846793005U + 1442695040888963407U;
		slice = (double)width * 1000 / (double)rounds;
		moment =
		    slice * ((double)order[round] + (double)(random >> 40) / (double)(1 << 24));
		for (int i = 0; i < contender_count; i++)
			aim(&contenders[(i + round) % contender_count], (uint64_t)moment);
	}
	for (int i = 0; i < contender_count; i++) {
		const struct contender *who = &contenders[i];
		long known = rounds - who->failed;

		if (who->failed * 100 > rounds)
			errx(1, "%s: %ld of %ld rounds failed", who->name, who->failed, rounds);
		printf("window\t%s\t%ld\t%ld\t%.1f\t%.1f\n", who->name, who->lost, known,
		    (double)who->lost * (double)width / (double)known, who->last);
	}
	return 0;
}
