/*
 * storm: chains of processes that fork and exit, so that a search in /proc finds a process that is
 * gone, and whose child is alive, by the time it is signalled.
 *
 *     storm CHAINS         leaves CHAINS of them, which ignore TERM, and exits with 0
 *     storm -w PID         watches until PID is gone or a zombie
 *
 * The watcher forks and counts zombies all the time. At the end it prints "ZOMBIES DENIED LEFT":
 * the greatest number of zombies at any time, how many of its own forks failed, and how many
 * members of chains are alive a moment later.
 */
#include <ctype.h>
#include <dirent.h>
#include <sys/wait.h>
#include <time.h>

#include "raw.h"

static _Noreturn void chain(void)
{
	pid_t pid;

	for (;;) {
		pid = fork();
		if (pid > 0)
			_exit(0);
		if (pid == -1)
			nanosleep(&(struct timespec){0, 1000000}, NULL);
	}
}

static char state_of(const char *pid, char *name, size_t size)
{
	char path[64], text[256] = "", *begin, *end;
	int fd;

	snprintf(path, sizeof path, "/proc/%s/stat", pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) == -1)
		return 0;
	if (read(fd, text, sizeof text - 1) < 0)
		text[0] = '\0';
	close(fd);
	begin = strchr(text, '(');
	end = strrchr(text, ')');
	if (!begin || !end)
		return 0;
	snprintf(name, size, "%.*s", (int)(end - begin - 1), begin + 1);
	return end[2];
}

static void count(long *zombies, long *chains)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char name[32], state;

	if (!proc)
		fail("/proc");
	*zombies = *chains = 0;
	while ((entry = readdir(proc))) {
		if (!isdigit((unsigned char)*entry->d_name) ||
		    strtol(entry->d_name, NULL, 10) == getpid())
			continue;
		state = state_of(entry->d_name, name, sizeof name);
		*zombies += state == 'Z';
		*chains += state && state != 'Z' && state != 'X' && strcmp(name, "storm") == 0;
	}
	closedir(proc);
}

static int try_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid > 0 && waitpid(pid, NULL, 0) == pid;
}

static void watch(const char *pid)
{
	long zombies, chains, most = 0, denied = 0;
	char name[32], state;

	while ((state = state_of(pid, name, sizeof name)) && state != 'Z') {
		denied += !try_fork();
		count(&zombies, &chains);
		most = zombies > most ? zombies : most;
	}
	nanosleep(&(struct timespec){0, 50000000}, NULL);
	count(&zombies, &chains);
	printf("%ld %ld %ld\n", most, denied, chains);
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "-w") == 0) {
		watch(argv[2]);
		return 0;
	}
	if (argc != 2)
		return 98;
	sig_dispose(SIGTERM, SIG_IGN);
	for (long i = number(argv[1], 1, 100); i > 0; i--)
		if (fork() == 0)
			chain();
	return 0;
}
