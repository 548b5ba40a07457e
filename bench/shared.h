#ifndef BENCH_SHARED_H
#define BENCH_SHARED_H

/*
 * What the measurer and the load that runs below an init tell each other, over one page of shared
 * memory and its futexes: an init between the two neither sees nor delays it.
 */

#include <err.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FUTEX_WAIT 0 /* linux/futex.h, which musl-gcc does not find */
#define FUTEX_WAKE 1

#define SHARED_FD  100 /* the page; above whatever an init opens */
#define LIFE_FD    101 /* a pipe's end, held by all that the load started */
#define WAIT_LIMIT 60  /* seconds: past it something has been lost */

struct shared {
	_Atomic uint32_t ready; /* the load's steps done so far */
	_Atomic uint32_t go;    /* the step that the measurer asks for */
	_Atomic uint32_t seen;  /* signals that came */
	_Atomic uint32_t kept;  /* of these, the ones with the value they were sent with */
	_Atomic uint64_t stamp; /* when the last of them came, or the load ended */
};

static inline uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static inline void tell(_Atomic uint32_t *word, uint32_t value)
{
	atomic_store(word, value);
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* Wait until the word has reached the value; -1 where it has not within so many seconds. */
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

/*
 * Amid a storm: no turn of one's own is waited for from here on. Not sched_setscheduler(), which
 * musl answers with ENOSYS.
 */
static inline void take_precedence(int flags)
{
	struct sched_param first = {.sched_priority = 1};

	if (syscall(SYS_sched_setscheduler, 0, SCHED_FIFO | flags, &first) == -1)
		err(1, "a realtime priority");
}

#endif
