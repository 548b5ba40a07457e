/*
 * What runs as COMMAND below the init that is measured.
 *
 *	load storm SIZE TOTAL   make TOTAL orphans by fork(2), in bursts of SIZE
 *	load flood SIZE TOTAL   the same by vfork(2), which takes a tenth of the time
 *	load target MAKERS      receive USR1, and record when it came
 *	load values COUNT       receive COUNT queued signals, and compare their values
 *	load leave COUNT        exit, and leave COUNT sleeping processes behind
 *
 * If MAKERS is above 0, so many processes make a storm meanwhile. The target then has a realtime
 * priority, so that the result shows the init's delay, and not how long COMMAND waits for its turn.
 */

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "shared.h"

#define VALUES_SIGNAL 40 /* realtime with any libc */

static struct shared *shared;

/* Make one burst: children whose parent exits before they do or just after; with vfork(2), always
 * after. */
static void burst(long size, int quick)
{
	pid_t parent = fork();

	if (parent == -1)
		err(1, "fork");
	if (parent == 0) {
		for (volatile long i = 0; i < size; i++) {
			pid_t child = quick ? vfork() : fork();

			if (child == 0)
				_exit(0);
			if (child == -1)
				_exit(1);
		}
		_exit(0);
	}
	while (waitpid(parent, NULL, 0) == -1 && errno == EINTR)
		;
}

static void storm(long size, long total, int quick)
{
	for (long made = 0; made < total; made += size)
		burst(size, quick);
}

static void on_signal(int number)
{
	(void)number;
	atomic_store(&shared->stamp, now());
	announce(&shared->seen, atomic_load(&shared->seen) + 1);
}

static void on_value(int number, siginfo_t *info, void *context)
{
	uint32_t seen = atomic_load(&shared->seen);

	(void)number;
	(void)context;
	if (info->si_code == SI_QUEUE && info->si_value.sival_int == (int)seen)
		atomic_fetch_add(&shared->kept, 1);
	announce(&shared->seen, seen + 1);
}

/* Use a separate process group, because a signal to COMMAND's group must not end the storm. */
static void endless_storm(void)
{
	pid_t child = fork();

	if (child == -1)
		err(1, "fork");
	if (child != 0)
		return;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (atomic_load(&shared->go) < 1)
		burst(100, 0);
	_exit(0);
}

static void leave(long count)
{
	for (long i = 0; i < count; i++) {
		pid_t child = fork();

		if (child == -1)
			err(1, "fork");
		if (child == 0) {
			setsid();
			for (;;)
				pause();
		}
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_flags = SA_RESTART};
	long count = argc > 2 ? atol(argv[2]) : 0;
	const char *what = argc > 2 ? argv[1] : "";

	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD, 0);
	if (shared == MAP_FAILED)
		err(1, "the page shared with the measurer");
	if ((strcmp(what, "storm") == 0 || strcmp(what, "flood") == 0) && argc == 4) {
		announce(&shared->ready, 1);
		await(&shared->go, 1, WAIT_LIMIT);
		storm(count, atol(argv[3]), *what == 'f');
		announce(&shared->ready, 2);
		await(&shared->go, 2, WAIT_LIMIT);
	} else if (strcmp(what, "target") == 0) {
		if (count > 0) {
			for (long i = 0; i < count; i++)
				endless_storm();
			take_precedence(0);
		}
		action.sa_handler = on_signal;
		sigaction(SIGUSR1, &action, NULL);
		announce(&shared->ready, 1);
		await(&shared->go, 1, WAIT_LIMIT);
	} else if (strcmp(what, "values") == 0) {
		action.sa_sigaction = on_value;
		action.sa_flags |= SA_SIGINFO;
		sigaction(VALUES_SIGNAL, &action, NULL);
		announce(&shared->ready, 1);
		/* Each wait ends after WAIT_LIMIT: with a million signals more than one is needed.
		 */
		while (atomic_load(&shared->seen) < (uint32_t)count)
			if (await(&shared->seen, atomic_load(&shared->seen) + 1, WAIT_LIMIT) == -1)
				break;
		await(&shared->go, 1, WAIT_LIMIT);
	} else if (strcmp(what, "leave") == 0) {
		leave(count);
		announce(&shared->ready, 1);
		await(&shared->go, 1, WAIT_LIMIT);
		atomic_store(&shared->stamp, now());
	} else {
		errx(
		    2, "usage: load storm|flood SIZE TOTAL|target MAKERS|values COUNT|leave COUNT");
	}
	_exit(0);
}
