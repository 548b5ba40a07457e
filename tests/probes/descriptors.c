/*
 * descriptors: every descriptor of its init that COMMAND can see, from its first instruction on.
 *
 *     descriptors [-n ROUNDS] [-j | -o] [-t] [-e FD]... [PID]
 *
 * In each of the ROUNDS (10) it looks at the descriptors of PID (1) through pidfd_getfd(2) and
 * through /proc/PID/fd. PID must have descriptors 0, 1 and 2, which are the same files as
 * COMMAND's. In addition it may have one signalfd, one pidfd, of COMMAND, and one UNIX socket of
 * type SOCK_SEQPACKET. Its working directory and its root directory must be COMMAND's root
 * directory. COMMAND itself must have 0, 1, 2 and each FD, and no others.
 *
 * Each difference is printed once, and the status is 1; 97 means that access was denied. -j: this
 * process has joined the namespace and is not COMMAND, so the pidfd and its own descriptors are not
 * checked. -o: PID is the parent, which is not PID 1, and keeps only 2 of the standard files. -t:
 * it must also have /dev/tty.
 */
#include <dirent.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include "files.h"

enum { BY_NUMBER = 64, MAX_EXTRA = 8 };

struct counts {
	int standard, signalfd, pidfd, socket, terminal;
};

static char who[16];
static int joined, only_stderr, with_terminal, bad;
static struct stat own[3];

static void report(int round, const char *how, int fd, const char *what)
{
	static char seen[64][96];
	static int count;
	char line[96];

	snprintf(line, sizeof line, "%d by %s: %s", fd, how, what);
	for (int i = 0; i < count; i++)
		if (strcmp(line, seen[i]) == 0)
			return;
	if (count < 64)
		strcpy(seen[count++], line);
	bad = 1;
	log_line(1, "round %d: %s\n", round, line);
}

static int is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Return whether COPY is a pidfd of this process. */
static int is_of_self(int copy)
{
	char path[64], text[1024];
	const char *pid;
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", copy);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	pid = strstr(text, "\nPid:");
	return pid && strtol(pid + 5, NULL, 10) == getpid();
}

static int is_pair(int copy)
{
	int domain = 0, type = 0;
	socklen_t size = sizeof domain;

	return !getsockopt(copy, SOL_SOCKET, SO_DOMAIN, &domain, &size) &&
	       !getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &size) && domain == AF_UNIX &&
	       type == SOCK_SEQPACKET;
}

/* Check descriptor FD of PID: NAME is its link, ST its file, COPY our copy of it or -1. */
static void judge(int round, const char *how, int fd, const char *name, const struct stat *st,
    int copy, struct counts *counts)
{
	if (fd <= 2 && is_same(st, &own[fd])) {
		counts->standard++;
		if (!only_stderr || fd == 2)
			return;
	} else if (strcmp(name, "anon_inode:[signalfd]") == 0) {
		if (++counts->signalfd == 1)
			return;
	} else if (strncmp(name, "pidfd:", 6) == 0 || strcmp(name, "anon_inode:[pidfd]") == 0) {
		if (++counts->pidfd == 1 && (copy == -1 || joined || is_of_self(copy)))
			return;
	} else if (strncmp(name, "socket:", 7) == 0) {
		if (++counts->socket == 1 && (copy == -1 || is_pair(copy)))
			return;
	} else if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(5, 0)) {
		if (++counts->terminal == with_terminal)
			return;
	}
	report(round, how, fd, name);
}

static void check_counts(int round, const char *how, const struct counts *counts)
{
	if (counts->standard != (only_stderr ? 1 : 3))
		report(round, how, counts->standard,
		    only_stderr ? "of stderr" : "of the 3 standard files");
	if (counts->terminal != with_terminal)
		report(round, how, counts->terminal, "of the terminal");
}

static void sweep_numbers(int round, int pidfd)
{
	struct counts counts = {0};
	struct stat st;
	char name[256];

	for (int fd = 0; fd < BY_NUMBER; fd++) {
		int copy = take_file(pidfd, fd);

		if (copy == -1)
			continue;
		if (fstat(copy, &st) == -1 || !link_of_fd("self", copy, name, sizeof name))
			fail("a copy");
		judge(round, "pidfd_getfd", fd, name, &st, copy, &counts);
		close(copy);
	}
	check_counts(round, "pidfd_getfd", &counts);
}

static void sweep_names(int round)
{
	struct counts counts = {0};
	struct dirent *entry;
	struct stat st;
	char path[64], name[256];
	DIR *dir;

	snprintf(path, sizeof path, "/proc/%s/fd", who);
	dir = opendir(path);
	if (!dir) {
		perror(path);
		_exit(97);
	}
	while ((entry = readdir(dir))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(path, sizeof path, "/proc/%s/fd/%.8s", who, entry->d_name);
		/* It may have been closed in the meantime. */
		if (link_of(path, name, sizeof name) && stat(path, &st) == 0)
			judge(round, "/proc", (int)strtol(entry->d_name, NULL, 10), name, &st, -1,
			    &counts);
	}
	closedir(dir);
	check_counts(round, "/proc", &counts);
}

static void check_directory(int round, const char *what)
{
	struct stat st, root;
	char path[64], name[256];

	snprintf(path, sizeof path, "/proc/%s/%s", who, what);
	if (stat(path, &st) == 0 && stat("/", &root) == 0 && is_same(&st, &root) &&
	    link_of(path, name, sizeof name) && strcmp(name, "/") == 0)
		return;
	report(round, what, 0, link_of(path, name, sizeof name) ? name : strerror(errno));
}

/* Check the descriptors of this process. */
static void check_own(const int *extra, int extras)
{
	char name[256];

	for (int fd = 0; fd < 256; fd++) {
		int wanted = fd <= 2;

		for (int i = 0; i < extras; i++)
			wanted |= fd == extra[i];
		if ((fcntl(fd, F_GETFD) != -1) == wanted)
			continue;
		report(0, "itself", fd,
		    link_of_fd("self", fd, name, sizeof name) ? name : "is closed");
	}
}

int main(int argc, char **argv)
{
	int opt, pidfd, extra[MAX_EXTRA], extras = 0;
	long rounds = 10;
	pid_t pid;

	while ((opt = getopt(argc, argv, "n:jote:")) != -1) {
		switch (opt) {
		case 'n':
			rounds = number(optarg, 1, 1 << 20);
			break;
		case 'j':
			joined = 1;
			break;
		case 'o':
			only_stderr = 1;
			break;
		case 't':
			with_terminal = 1;
			break;
		case 'e':
			if (extras == MAX_EXTRA)
				return 98;
			extra[extras++] = (int)number(optarg, 3, 255);
			break;
		default:
			return 98;
		}
	}
	pid = optind < argc ? (pid_t)number(argv[optind], 1, INT32_MAX)
	      : only_stderr ? getppid()
			    : 1;
	snprintf(who, sizeof who, "%ld", (long)pid);
	pidfd = open_process(pid);
	for (int fd = 0; fd <= 2; fd++)
		if (fstat(fd, &own[fd]) == -1)
			fail("a standard file of its own");
	for (int round = 1; round <= rounds; round++) {
		sweep_numbers(round, pidfd);
		check_directory(round, "cwd");
		check_directory(round, "root");
		sweep_names(round);
	}
	close(pidfd);
	if (!joined)
		check_own(extra, extras);
	return bad;
}
