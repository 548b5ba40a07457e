#ifndef BENCH_SHARED_H
#define BENCH_SHARED_H

/* The communication between the measurer and the load that runs below an init: futexes in one page
 * of shared memory, which the init between them does not see and cannot delay. */

#include <err.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FUTEX_WAIT 0 /* linux/futex.h, which musl-gcc does not find */
#define FUTEX_WAKE 1

#define SHARED_FD  100 /* the page; above anything that an init opens */
#define LIFE_FD    101 /* the end of a pipe, which every process of the load holds */
#define WAIT_LIMIT 600 /* seconds, after which a wait has failed */

struct shared {
	_Atomic uint32_t ready; /* steps that the load has done */
	_Atomic uint32_t go;    /* the step that the measurer asks for */
	_Atomic uint32_t seen;  /* signals received */
	_Atomic uint32_t kept;  /* of these, in order and with their value */
	_Atomic uint64_t stamp; /* when the last one came, the load ended, or COMMAND began */
};

static inline uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static inline void announce(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store(word, value);
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* Wait until WORD has reached VALUE. Return -1 if it has not within so many seconds. */
static inline int await(_Atomic uint32_t *word, uint32_t value, int seconds)
{
	const struct timespec look = {.tv_sec = 1};
	const uint64_t limit = now() + (uint64_t)seconds * 1000000000U;
	uint32_t have;

	while ((have = atomic_load(word)) < value) {
		if (now() >= limit)
			return -1;
		syscall(SYS_futex, word, FUTEX_WAIT, have, &look, NULL, 0);
	}
	return 0;
}

/* Set a realtime priority, so that this process need not wait for the processor in a storm. In musl
 * sched_setscheduler() always fails with ENOSYS, so use the system call. */
static inline void take_precedence(int flags)
{
	struct sched_param first = {.sched_priority = 1};

	if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO | flags, &first) == -1)
		err(1, "a realtime priority");
}

#endif
