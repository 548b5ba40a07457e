/*
 * What runs as COMMAND below the init that is measured.
 *
 *     load storm SIZE TOTAL    TOTAL orphans, in bursts of SIZE
 *     load target MAKERS       take USR1 and say when; MAKERS not 0: amid a storm that so many
 *                              processes make, and at a realtime priority: the time is the
 *                              init's, not its turn's
 *     load values COUNT        take COUNT queued signals and look at their values
 *     load leave COUNT         end, with COUNT sleeping processes left behind
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

/* One burst: children whose parent has ended before they, or just after. */
static void burst(long size)
{
	pid_t parent = fork();

	if (parent == -1)
		err(1, "fork");
	if (parent == 0) {
		for (long i = 0; i < size; i++) {
			pid_t child = fork();

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

static void storm(long size, long total)
{
	for (long made = 0; made < total; made += size)
		burst(size);
}

static void on_signal(int number)
{
	(void)number;
	atomic_store(&shared->stamp, now());
	tell(&shared->seen, atomic_load(&shared->seen) + 1);
}

static void on_value(int number, siginfo_t *info, void *context)
{
	uint32_t seen = atomic_load(&shared->seen);

	(void)number;
	(void)context;
	if (info->si_code == SI_QUEUE && info->si_value.sival_int == (int)seen)
		atomic_fetch_add(&shared->kept, 1);
	tell(&shared->seen, seen + 1);
}

/* Who makes the storm has a group of his own: a signal to COMMAND's group is not meant for it. */
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
		burst(100);
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
	if (strcmp(what, "storm") == 0 && argc == 4) {
		tell(&shared->ready, 1);
		await(&shared->go, 1, WAIT_LIMIT);
		storm(count, atol(argv[3]));
		tell(&shared->ready, 2);
		await(&shared->go, 2, WAIT_LIMIT);
	} else if (strcmp(what, "target") == 0) {
		if (count > 0) {
			for (long i = 0; i < count; i++)
				endless_storm();
			take_precedence(0);
		}
		action.sa_handler = on_signal;
		sigaction(SIGUSR1, &action, NULL);
		tell(&shared->ready, 1);
		await(&shared->go, 1, WAIT_LIMIT);
	} else if (strcmp(what, "values") == 0) {
		action.sa_sigaction = on_value;
		action.sa_flags |= SA_SIGINFO;
		sigaction(VALUES_SIGNAL, &action, NULL);
		tell(&shared->ready, 1);
		await(&shared->seen, (uint32_t)count, WAIT_LIMIT);
	} else if (strcmp(what, "leave") == 0) {
		leave(count);
		tell(&shared->ready, 1);
		await(&shared->go, 1, WAIT_LIMIT);
		atomic_store(&shared->stamp, now());
	} else {
		errx(2, "usage: load storm SIZE TOTAL|target MAKERS|values COUNT|leave COUNT");
	}
	_exit(0);
}
