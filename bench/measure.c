/*
 * Measure inits. A contender is a name, the place where it runs, and its words. Each round runs all
 * contenders in turn and begins with a different one, so that other load on the machine affects all
 * of them alike.
 *
 *	measure [OPTION]... MEASURE [NUMBER]... -- CONTENDER [::: CONTENDER]...
 *	CONTENDER: NAME host|pid1 WORD...
 *
 *	-n ROUNDS   at most so many rounds
 *	-l SECONDS  begin no further round after this time; at least one round is run
 *	-c CPU      pin what is measured to this processor
 *	-s CPU      pin the measurer to this processor
 *	-m MOUNTS   make so many mounts first, in a mount namespace that ends with the measurer
 *	-f FILES    let the contenders inherit so many open files
 *	-e BYTES    let them inherit an environment of about this size
 *
 * host: started as a shell would start it. pid1: in a new PID and mount namespace with its own
 * /proc, as a container engine would start it. The comment above each measure says what it prints.
 */

#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "shared.h"

#define MAX_CONTENDERS 32
#define MAX_WORDS      512
#define MAX_ROUNDS     100000
#define MAX_AHEAD      1000 /* signals that the load has not taken yet */
#define VALUES_SIGNAL  40

struct contender {
	const char *name;
	int pid1; /* PID 1 of a PID namespace that is made for it */
	char *words[MAX_WORDS];
	int count;
	double *samples, *faults, *first, *cpu;
};

struct launch {
	char **argv;
	int pid1;
	uint64_t begun; /* written by the child, just before its execve */
	int error;
};

static struct contender contenders[MAX_CONTENDERS];
static int contender_count;
static long rounds = 1;
static uint64_t limit; /* ns; 0: none */
static char **environment;
static int cpu_measured = -1, cpu_measurer = -1;
static struct shared *shared;
static char *load_path, *nothing_path;

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

/* The children of a process, at most `most` of them: how many there are. */
static int children(pid_t pid, pid_t *found, int most)
{
	char path[64];
	int count = 0, child;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	while (fscanf(f, "%d", &child) == 1) {
		if (count < most)
			found[count] = child;
		count++;
	}
	fclose(f);
	return count;
}

/* Called at exit, also after a failure: kill what was started, and what it left behind. */
static void clean_up(void)
{
	pid_t child[64];
	int count;

	while ((count = children(getpid(), child, 64)) > 0) {
		for (int i = 0; i < count && i < 64; i++)
			kill(child[i], SIGKILL);
		while (waitpid(-1, NULL, 0) > 0)
			;
	}
}

/* Runs in the new process, which shares our memory until its execve. */
static int launched(void *data)
{
	struct launch *launch = data;

	if (launch->pid1 &&
	    (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == -1 ||
		mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) == -1))
		launch->error = errno;
	pin(cpu_measured);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* if we are killed, and cannot clean up */
	if (launch->error == 0) {
		launch->begun = now();
		execve(launch->argv[0], launch->argv, environment);
		launch->error = errno;
	}
	_exit(127);
}

/* Start the contender with WORDS appended to its own. Returns its PID in our namespace. */
static pid_t start(const struct contender *who, uint64_t *begun, char *const *words)
{
	static char stack[65536] __attribute__((aligned(16)));
	char *argv[MAX_WORDS + 8];
	struct launch launch = {.argv = argv, .pid1 = who->pid1};
	int flags = CLONE_VM | CLONE_VFORK | SIGCHLD, count = who->count;
	pid_t pid;

	memcpy(argv, who->words, sizeof *argv * (size_t)count);
	while (*words != NULL)
		argv[count++] = *words++;
	argv[count] = NULL;
	if (who->pid1)
		flags |= CLONE_NEWPID | CLONE_NEWNS;
	memset(shared, 0, sizeof *shared);
	pid = clone(launched, stack + sizeof stack, flags, &launch);
	if (pid == -1)
		err(1, "clone");
	if (launch.error != 0)
		errx(1, "%s: %s", argv[0], strerror(launch.error));
	*begun = launch.begun;
	return pid;
}

static void finish(const struct contender *who, pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) == -1)
		err(1, "waitpid");
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		errx(1, "%s: ended with wait status %d", who->name, status);
}

/* Wait for the load's answer. If the init has ended instead, fail. */
static void step(const struct contender *who, pid_t pid, _Atomic uint32_t *word, uint32_t value)
{
	for (int second = 0; await(word, value, 1) == -1; second++) {
		siginfo_t ended = {0};

		waitid(P_PID, (id_t)pid, &ended, WEXITED | WNOHANG | WNOWAIT);
		if (ended.si_pid != 0 && atomic_load(word) < value)
			errx(1, "%s: ended before its load answered", who->name);
		if (second == WAIT_LIMIT)
			errx(1, "%s: the load did not answer", who->name);
	}
}

/* Returns the last number on the line NAME of FILE below /proc/PID; -1 if there is none. */
static long field(pid_t pid, const char *file, const char *name)
{
	char path[64], line[512], *at;
	size_t length = strlen(name);
	long value = -1;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
	if ((f = fopen(path, "r")) == NULL)
		return -1;
	while (value == -1 && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, name, length) == 0 && line[length] == ':')
			for (at = strtok(line + length + 1, " \t\n"); at != NULL;
			     at = strtok(NULL, " \t\n"))
				if (isdigit((unsigned char)*at))
					value = atol(at);
	fclose(f);
	return value;
}

static int is_load(pid_t pid)
{
	char path[64], name[32] = "";
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
	if ((f = fopen(path, "r")) == NULL)
		return 0;
	if (fgets(name, sizeof name, f) == NULL)
		name[0] = '\0';
	fclose(f);
	return strcmp(name, "load\n") == 0;
}

/* Finds the processes from the one started down to the load's parent, which is the init. Returns 0
 * if the load itself was started. */
static int chain(pid_t pid, pid_t *down, int depth)
{
	pid_t child[8];
	int count;

	if (is_load(pid))
		return depth;
	down[depth] = pid;
	count = children(pid, child, 8);
	for (int i = 0; i < count && i < 8; i++) {
		int below = chain(child[i], down, depth + 1);

		if (below > 0)
			return below;
	}
	return 0;
}

static double cpu_time(pid_t pid)
{
	struct timespec t;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &t) == -1)
		err(1, "the processor time of %d", (int)pid);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Returns the CPU time of all processes of the init, in ns. */
static double cpu_of_all(pid_t pid)
{
	pid_t down[64];
	int depth = chain(pid, down, 0);
	double sum = 0;

	for (int i = 0; i < depth; i++)
		sum += cpu_time(down[i]);
	return sum;
}

static pid_t init_of(pid_t pid)
{
	pid_t down[64];
	int depth = chain(pid, down, 0);

	return depth > 0 ? down[depth - 1] : 0;
}

/* Returns whether there is time for another round. If not, ROUNDS becomes the number of rounds so
 * far. */
static int again(long round)
{
	static uint64_t begun;

	if (round == 0)
		begun = now();
	else if (limit != 0 && now() - begun > limit)
		rounds = round;
	return round < rounds;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts a copy, so that the samples keep the order of the rounds. */
static double quantile(const double *samples, long count, double share)
{
	double *sorted = malloc(sizeof *sorted * (size_t)count), value;
	long at = (long)((double)(count - 1) * share + 0.5);

	if (sorted == NULL)
		err(1, "malloc");
	memcpy(sorted, samples, sizeof *sorted * (size_t)count);
	qsort(sorted, (size_t)count, sizeof *sorted, ascending);
	value = sorted[at];
	free(sorted);
	return value;
}

/* Returns the median of the ratios of the two contenders in the same round. */
static double paired(double *one, double *other)
{
	double *ratio = malloc(sizeof *ratio * (size_t)rounds), median;

	if (ratio == NULL)
		err(1, "malloc");
	for (long i = 0; i < rounds; i++)
		ratio[i] = one[i] / other[i];
	median = quantile(ratio, rounds, 0.5);
	free(ratio);
	return median;
}

/* ratio: name, other name, whole run, until COMMAND's first instruction, processor time. */
static void print_ratios(void)
{
	for (const struct contender *a = contenders; a < contenders + contender_count; a++)
		for (const struct contender *b = contenders; b < contenders + contender_count; b++)
			if (a != b)
				printf("ratio\t%s\t%s\t%.3f\t%.3f\t%.3f\n", a->name, b->name,
				    paired(a->samples, b->samples), paired(a->first, b->first),
				    paired(a->cpu, b->cpu));
}

/*
 * start: name, µs from execve to reaped (median, 10th and 90th percentile), minor faults and µs
 * until COMMAND's first instruction and µs of processor time, of the init and all its processes.
 */
static void one_start(struct contender *who, long round)
{
	char *words[] = {nothing_path, NULL};
	struct rusage usage;
	uint64_t begun;
	int status;
	pid_t pid = start(who, &begun, words);

	if (wait4(pid, &status, 0, &usage) == -1)
		err(1, "wait4");
	who->samples[round] = (double)(now() - begun) / 1e3;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		errx(1, "%s: ended with wait status %d", who->name, status);
	who->first[round] = (double)(atomic_load(&shared->stamp) - begun) / 1e3;
	who->cpu[round] = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
			  (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	who->faults[round] = (double)usage.ru_minflt;
}

static void measure_start(void)
{
	for (int i = 0; i < contender_count; i++) /* into the page cache */
		one_start(&contenders[i], 0);
	for (long round = 0; again(round); round++)
		for (int i = 0; i < contender_count; i++)
			one_start(&contenders[(i + round) % contender_count], round);
	for (int i = 0; i < contender_count; i++) {
		struct contender *who = &contenders[i];

		printf("start\t%s\t%.1f\t%.1f\t%.1f\t%.0f\t%.1f\t%.1f\n", who->name,
		    quantile(who->samples, rounds, 0.5), quantile(who->samples, rounds, 0.1),
		    quantile(who->samples, rounds, 0.9), quantile(who->faults, rounds, 0.5),
		    quantile(who->first, rounds, 0.5), quantile(who->cpu, rounds, 0.5));
	}
	print_ratios();
}

/* Counts the zombies; with PARENT, only its children. */
static int count_zombies(DIR *proc, pid_t parent)
{
	struct dirent *entry;
	int zombies = 0;

	rewinddir(proc);
	while ((entry = readdir(proc)) != NULL) {
		char path[300], text[128], *end;
		ssize_t length;
		int fd;

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		snprintf(path, sizeof path, "%s/stat", entry->d_name);
		if ((fd = openat(dirfd(proc), path, O_RDONLY | O_CLOEXEC)) == -1)
			continue;
		length = read(fd, text, sizeof text - 1);
		close(fd);
		if (length <= 0)
			continue;
		text[length] = '\0';
		if ((end = strrchr(text, ')')) != NULL && strncmp(end, ") Z ", 4) == 0 &&
		    (parent == 0 || atoi(end + 4) == parent))
			zombies++;
	}
	return zombies;
}

/* Opens /proc of the init's PID namespace, and finds the init's PID there. */
static DIR *proc_of(pid_t init, pid_t *inside)
{
	char path[64];
	DIR *proc;

	snprintf(path, sizeof path, "/proc/%d/root/proc", (int)init);
	if ((proc = opendir(path)) == NULL)
		err(1, "%s", path);
	*inside = (pid_t)field(init, "status", "NSpid");
	return proc;
}

/* kB resident of the init, or of all its processes together. */
static long resident(pid_t pid)
{
	pid_t down[64];
	int depth = chain(pid, down, 0);
	long sum = 0;

	for (int i = 0; i < depth; i++)
		sum += field(down[i], "smaps_rollup", "Rss");
	return sum;
}

/*
 * storm: name, orphans, µs of the init's CPU for each, its wakeups (voluntary context switches)
 * and preemptions, µs of the whole for each, the peak of zombies if it was sampled, and kB resident
 * of the init after it.
 */
static void measure_storm(const char *what, char *size, char *total, int sampled)
{
	char *words[] = {load_path, (char *)what, size, total, NULL};
	double *cpu = calloc((size_t)rounds * 6, sizeof *cpu);
	double orphans = atof(total);

	if (cpu == NULL)
		err(1, "calloc");
	for (int i = 0; i < contender_count; i++)
		contenders[i].faults = calloc((size_t)rounds * 6, sizeof *cpu);
	for (long round = 0; again(round); round++) {
		for (int i = 0; i < contender_count; i++) {
			struct contender *who = &contenders[(i + round) % contender_count];
			const struct timespec pause = {.tv_nsec = 1000000};
			/* What an init does once after its start is not part of the storm. */
			const struct timespec settle = {.tv_nsec = 200000000};
			double before, *got = who->faults + round * 6;
			long woken, preempted;
			int zombies = 0, peak = 0;
			uint64_t begun;
			pid_t pid = start(who, &begun, words), init, inside;
			DIR *proc;

			step(who, pid, &shared->ready, 1);
			if ((init = init_of(pid)) == 0)
				errx(1, "%s: has no load below it", who->name);
			proc = proc_of(init, &inside);
			nanosleep(&settle, NULL);
			woken = field(init, "status", "voluntary_ctxt_switches");
			preempted = field(init, "status", "nonvoluntary_ctxt_switches");
			before = cpu_time(init);
			begun = now();
			announce(&shared->go, 1);
			while (sampled && atomic_load(&shared->ready) < 2)
				if ((zombies = count_zombies(proc, 0)) > peak)
					peak = zombies;
			step(who, pid, &shared->ready, 2);
			while ((zombies = count_zombies(proc, inside)) > 0) {
				if (now() - begun > WAIT_LIMIT * UINT64_C(1000000000))
					errx(1, "%s: %d zombies stay", who->name, zombies);
				nanosleep(&pause, NULL);
			}
			got[3] = (double)(now() - begun) / orphans / 1e3;
			got[0] = (cpu_time(init) - before) / orphans / 1e3;
			got[1] = (double)(field(init, "status", "voluntary_ctxt_switches") - woken);
			got[2] = (double)(field(init, "status", "nonvoluntary_ctxt_switches") -
					  preempted);
			got[4] = peak;
			got[5] = (double)resident(pid);
			closedir(proc);
			announce(&shared->go, 2);
			finish(who, pid);
		}
	}
	for (int i = 0; i < contender_count; i++) {
		struct contender *who = &contenders[i];

		printf("storm\t%s\t%s", who->name, total);
		for (int k = 0; k < 6; k++) {
			for (long round = 0; round < rounds; round++)
				cpu[round] = who->faults[round * 6 + k];
			printf("\t%.3f", quantile(cpu, rounds, 0.5));
		}
		printf("\n");
	}
}

/*
 * signals: name, how many make the storm, µs from kill(2) to the handler (median and 99th
 * percentile, each the median of the rounds' own), and µs of the init's CPU for each signal.
 */
static void measure_signals(char *makers, long count)
{
	char *words[] = {load_path, "target", makers, NULL};
	const struct timespec begins = {.tv_nsec = 20000000}; /* the start-up is not meant */
	double *half = calloc((size_t)rounds, sizeof *half);
	double *worst = calloc((size_t)rounds, sizeof *worst);
	long have = rounds * count;
	pid_t pid;

	if (half == NULL || worst == NULL)
		err(1, "calloc");
	if (atol(makers) > 0)
		take_precedence(SCHED_RESET_ON_FORK);
	for (int i = 0; i < contender_count; i++)
		if ((contenders[i].samples = calloc((size_t)have, sizeof(double))) == NULL)
			err(1, "calloc");
	for (long round = 0; again(round); round++) {
		for (int i = 0; i < contender_count; i++) {
			struct contender *who = &contenders[(i + round) % contender_count];
			uint64_t begun;

			pid = start(who, &begun, words);
			step(who, pid, &shared->ready, 1);
			nanosleep(&begins, NULL);
			who->cpu[round] = -cpu_of_all(pid);
			for (long k = 0; k < count; k++) {
				struct timespec gap = {.tv_nsec = 300000 + rand() % 700000};
				uint64_t sent;

				nanosleep(&gap, NULL);
				sent = now();
				if (kill(pid, SIGUSR1) == -1)
					err(1, "kill");
				step(who, pid, &shared->seen, (uint32_t)k + 1);
				who->samples[round * count + k] =
				    (double)(atomic_load(&shared->stamp) - sent) / 1e3;
			}
			who->cpu[round] += cpu_of_all(pid);
			who->cpu[round] /= (double)count * 1e3;
			announce(&shared->go, 1);
			finish(who, pid);
		}
	}
	for (int i = 0; i < contender_count; i++) {
		struct contender *who = &contenders[i];

		for (long round = 0; round < rounds; round++) {
			half[round] = quantile(who->samples + round * count, count, 0.5);
			worst[round] = quantile(who->samples + round * count, count, 0.99);
		}
		printf("signals\t%s\t%s\t%.1f\t%.1f\t%.2f\n", who->name, makers,
		    quantile(half, rounds, 0.5), quantile(worst, rounds, 0.5),
		    quantile(who->cpu, rounds, 0.5));
	}
}

/*
 * values: name, queued signals sent, received, received in order with the value they were sent
 * with, µs for each, kB resident of the init. No more than MAX_AHEAD are on their way at a time:
 * the kernel bounds how many are queued for a user (RLIMIT_SIGPENDING).
 */
static void measure_values(char *number)
{
	char *words[] = {load_path, "values", number, NULL};
	uint32_t count = (uint32_t)atol(number);

	for (int i = 0; i < contender_count; i++) {
		struct contender *who = &contenders[i];
		uint64_t begun;
		long kb;
		pid_t pid = start(who, &begun, words);

		step(who, pid, &shared->ready, 1);
		begun = now();
		for (uint32_t k = 0; k < count; k++) {
			if (k > MAX_AHEAD)
				step(who, pid, &shared->seen, k - MAX_AHEAD);
			if (sigqueue(pid, VALUES_SIGNAL, (union sigval){.sival_int = (int)k}) == -1)
				err(1, "sigqueue");
		}
		step(who, pid, &shared->seen, count);
		begun = now() - begun;
		kb = resident(pid);
		printf("values\t%s\t%s\t%u\t%u\t%.3f\t%ld\n", who->name, number,
		    atomic_load(&shared->seen), atomic_load(&shared->kept),
		    (double)begun / count / 1e3, kb);
		announce(&shared->go, 1);
		finish(who, pid);
	}
}

/* end: name, left behind, ms from COMMAND's end to that of the init, and to that of the last
 * process left. */
static void measure_end(char *count)
{
	char *words[] = {load_path, "leave", count, NULL};

	for (int i = 0; i < contender_count; i++)
		contenders[i].faults = calloc((size_t)rounds, sizeof(double));
	for (long round = 0; again(round); round++) {
		for (int i = 0; i < contender_count; i++) {
			struct contender *who = &contenders[(i + round) % contender_count];
			struct pollfd life;
			int ends[2], status;
			uint64_t begun, ended;
			pid_t pid;

			if (pipe2(ends, O_CLOEXEC) == -1 || dup2(ends[1], LIFE_FD) == -1)
				err(1, "pipe");
			close(ends[1]);
			pid = start(who, &begun, words);
			close(LIFE_FD);
			life = (struct pollfd){.fd = ends[0]};
			step(who, pid, &shared->ready, 1);
			announce(&shared->go, 1);
			if (waitpid(pid, &status, 0) == -1)
				err(1, "waitpid");
			ended = now();
			if (poll(&life, 1, WAIT_LIMIT * 1000) != 1)
				errx(1, "%s: something lives on", who->name);
			begun = atomic_load(&shared->stamp);
			who->samples[round] = (double)(ended - begun) / 1e6;
			who->faults[round] = (double)(now() - begun) / 1e6;
			close(ends[0]);
		}
	}
	for (int i = 0; i < contender_count; i++)
		printf("end\t%s\t%s\t%.3f\t%.3f\n", contenders[i].name, count,
		    quantile(contenders[i].samples, rounds, 0.5),
		    quantile(contenders[i].faults, rounds, 0.5));
}

/* idle: name, kB resident of the init, of all its processes together, how many these are, and the
 * wakeups of all of them in a second. nsinit releases memory once it has been idle for a moment. */
static void measure_idle(int wakeups)
{
	char *words[] = {load_path, "target", "0", NULL};
	const struct timespec rest = {.tv_nsec = 500000000};

	for (int i = 0; i < contender_count; i++) {
		struct contender *who = &contenders[i];
		long woken = 0;
		pid_t down[64], pid;
		uint64_t begun;
		int depth;

		pid = start(who, &begun, words);
		step(who, pid, &shared->ready, 1);
		depth = chain(pid, down, 0);
		nanosleep(&rest, NULL);
		for (int k = 0; k < depth && wakeups; k++)
			woken -= field(down[k], "status", "voluntary_ctxt_switches");
		for (int k = 0; k < 2 && wakeups; k++)
			nanosleep(&rest, NULL);
		for (int k = 0; k < depth && wakeups; k++)
			woken += field(down[k], "status", "voluntary_ctxt_switches");
		printf("idle\t%s\t%ld\t%ld\t%d\t%ld\n", who->name,
		    depth ? field(down[depth - 1], "smaps_rollup", "Rss") : 0, resident(pid), depth,
		    woken);
		announce(&shared->go, 1);
		finish(who, pid);
	}
}

static int does_nothing(void *data)
{
	(void)data;
	_exit(0);
}

/*
 * machine: what it costs here, in µs: a system call, a page fault, a cpuid instruction (a
 * hypervisor may trap it, and a glibc start-up executes many), a process that does nothing by vfork
 * and by fork. The best of several runs.
 */
static void measure_machine(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	enum { RUNS = 9, TIMES = 100, PAGE = 4096 };
	const char *names[] = {"system call", "page fault", "cpuid", "vfork", "fork"};

	for (int what = 0; what < 5; what++) {
		double best = 1e9;

		for (int run = 0; run < RUNS; run++) {
			char *pages = mmap(NULL, (size_t)PAGE * TIMES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
			uint64_t begun;
			double took;

			if (pages == MAP_FAILED)
				err(1, "mmap");
			begun = now();
			for (int i = 0; i < TIMES; i++) {
				if (what == 0) {
					syscall(SYS_getppid);
				} else if (what == 1) {
					((volatile char *)pages)[(long)i * PAGE] = 1;
				} else if (what == 2) {
#ifdef __x86_64__
					unsigned int a = 0, b, c = 0, d;

					__asm__ volatile("cpuid"
							 : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
#endif
				} else {
					int flags = what == 3 ? CLONE_VM | CLONE_VFORK : 0;
					pid_t pid = clone(does_nothing, stack + sizeof stack,
					    flags | SIGCHLD, NULL);

					if (pid == -1 || waitpid(pid, NULL, 0) == -1)
						err(1, "clone");
				}
			}
			took = (double)(now() - begun) / TIMES / 1e3;
			if (took < best)
				best = took;
			munmap(pages, (size_t)PAGE * TIMES);
		}
		printf("machine\t%s\t%.2f\n", names[what], best);
	}
}

/* Make the mounts in a new mount namespace, so that they disappear with this process. */
static void add_mounts(long count)
{
	char name[64];

	if (unshare(CLONE_NEWNS) == -1 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
	    mount("tmpfs", "/mnt", "tmpfs", 0, NULL) == -1)
		err(1, "a mount namespace");
	for (long i = 0; i < count; i++) {
		snprintf(name, sizeof name, "/mnt/%ld", i);
		if (mkdir(name, 0700) == -1 || mount("/mnt", name, NULL, MS_BIND, NULL) == -1)
			err(1, "%s", name);
	}
}

/* Read-only files that the contenders inherit, from descriptor 1000 on. */
static void add_files(long count)
{
	struct rlimit most = {(rlim_t)count + 2000, (rlim_t)count + 2000};
	int fd = open("/dev/null", O_RDONLY);

	if (fd == -1 || setrlimit(RLIMIT_NOFILE, &most) == -1)
		err(1, "%ld open files", count);
	for (long i = 0; i < count; i++)
		if (dup2(fd, 1000 + (int)i) == -1)
			err(1, "%ld open files", count);
	close(fd);
}

/* PATH, and variables of 64 kB each: a single string of the environment may have 128 kB. */
static void make_environment(long bytes)
{
	enum { EACH = 65536 };
	long count = bytes / EACH + 1;
	char *path = NULL;

	environment = calloc((size_t)count + 2, sizeof *environment);
	if (environment == NULL || asprintf(&path, "PATH=%s", getenv("PATH")) == -1)
		err(1, "an environment");
	environment[0] = path;
	for (long i = 0; i < count; i++) {
		size_t size = (size_t)(i < count - 1 ? EACH : bytes % EACH);
		char *text = malloc(size + 32);

		if (text == NULL)
			err(1, "an environment");
		memset(text, 'x', size + 24);
		snprintf(text, 24, "V%ld", i);
		text[strlen(text)] = '=';
		text[size + 24] = '\0';
		environment[i + 1] = text;
	}
}

static char *resolve(const char *name)
{
	char *path = getenv("PATH"), *at, *found = NULL;
	size_t length;

	if (strchr(name, '/') != NULL || path == NULL)
		return realpath(name, NULL);
	for (at = path; found == NULL && *at != '\0'; at += length + (at[length] == ':')) {
		char full[4096];

		length = strcspn(at, ":");
		snprintf(full, sizeof full, "%.*s/%s", (int)length, at, name);
		if (access(full, X_OK) == 0)
			found = strdup(full);
	}
	return found;
}

static void parse_contenders(char **argv)
{
	struct contender *who = NULL;

	while (*argv != NULL) {
		if (contender_count == MAX_CONTENDERS || argv[1] == NULL)
			errx(2, "too many contenders, or one without words");
		who = &contenders[contender_count++];
		who->name = *argv++;
		who->pid1 = strcmp(*argv++, "pid1") == 0;
		for (; *argv != NULL && strcmp(*argv, ":::") != 0; argv++) {
			if (who->count == MAX_WORDS)
				errx(2, "%s: too many words", who->name);
			who->words[who->count++] = *argv;
		}
		if (who->count > 0 && (who->words[0] = resolve(who->words[0])) == NULL)
			errx(1, "%s: not found", who->name);
		if (*argv != NULL)
			argv++;
		who->samples = calloc((size_t)rounds, sizeof(double));
		who->faults = calloc((size_t)rounds, sizeof(double));
		who->first = calloc((size_t)rounds, sizeof(double));
		who->cpu = calloc((size_t)rounds, sizeof(double));
		if (who->samples == NULL || who->faults == NULL || who->first == NULL ||
		    who->cpu == NULL)
			err(1, "calloc");
	}
}

static char *beside(const char *self, const char *name)
{
	static char path[2][4096];
	static int used;
	char *slash;

	snprintf(path[used], sizeof path[used], "%s", self);
	slash = strrchr(path[used], '/');
	snprintf(slash + 1, (size_t)(path[used] + sizeof path[used] - slash - 1), "%s", name);
	return path[used++];
}

int main(int argc, char **argv)
{
	char self[4000] = "";
	long mounts = 0, files = 0, bytes = -1;
	int option, page, first;
	const char *what;

	while ((option = getopt(argc, argv, "+n:l:c:s:m:f:e:")) != -1) {
		switch (option) {
		case 'n':
			rounds = atol(optarg);
			break;
		case 'c':
			cpu_measured = atoi(optarg);
			break;
		case 's':
			cpu_measurer = atoi(optarg);
			break;
		case 'm':
			mounts = atol(optarg);
			break;
		case 'l':
			limit = (uint64_t)(atof(optarg) * 1e9);
			break;
		case 'f':
			files = atol(optarg);
			break;
		case 'e':
			bytes = atol(optarg);
			break;
		default:
			return 2;
		}
	}
	argv += optind;
	for (first = 0; argv[first] != NULL && strcmp(argv[first], "--") != 0; first++)
		;
	if (first == 0 || argv[first] == NULL || rounds < 1 || rounds > MAX_ROUNDS)
		errx(2, "usage: measure [OPTION]... MEASURE [NUMBER]... -- CONTENDER...");
	what = argv[0];
	if (readlink("/proc/self/exe", self, sizeof self - 1) == -1)
		err(1, "/proc/self/exe");
	load_path = beside(self, "load");
	nothing_path = beside(self, "nothing");
	parse_contenders(argv + first + 1);
	environment = environ;
	if (bytes >= 0)
		make_environment(bytes);
	if (mounts > 0)
		add_mounts(mounts);
	if (files > 0)
		add_files(files);
	pin(cpu_measurer);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	atexit(clean_up);

	page = memfd_create("bench", 0);
	if (page == -1 || ftruncate(page, 4096) == -1 || dup2(page, SHARED_FD) == -1)
		err(1, "a shared page");
	close(page);
	shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, SHARED_FD, 0);
	if (shared == MAP_FAILED)
		err(1, "mmap");

	if (strcmp(what, "start") == 0)
		measure_start();
	else if (strcmp(what, "storm") == 0 && first == 3)
		measure_storm("storm", argv[1], argv[2], 0);
	else if (strcmp(what, "flood") == 0 && first == 3)
		measure_storm("flood", argv[1], argv[2], 0);
	else if (strcmp(what, "zombies") == 0 && first == 3)
		measure_storm("storm", argv[1], argv[2], 1);
	else if (strcmp(what, "signals") == 0 && first == 3)
		measure_signals(argv[1], atol(argv[2]));
	else if (strcmp(what, "values") == 0 && first == 2)
		measure_values(argv[1]);
	else if (strcmp(what, "end") == 0 && first == 2)
		measure_end(argv[1]);
	else if (strcmp(what, "idle") == 0)
		measure_idle(1);
	else if (strcmp(what, "resident") == 0)
		measure_idle(0);
	else if (strcmp(what, "machine") == 0)
		measure_machine();
	else
		errx(2, "%s: no such measure, or without its numbers", what);
	return 0;
}
