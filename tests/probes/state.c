/*
 * state: prints what a process has inherited, one item a line, so that a test can compare it with
 * what nsinit inherited. A limit of -1 means unlimited. A file with a c after its number is
 * close-on-exec.
 *
 *     state [ARG]...
 */
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "raw.h"

static void dispositions(const char *name, int ignored)
{
	int sig;

	printf("%s", name);
	for (sig = 1; sig <= SIGNALS; sig++) {
		unsigned long handler = sig_disposition(sig);

		if (ignored ? handler == (unsigned long)SIG_IGN : handler > (unsigned long)SIG_IGN)
			printf(" %d", sig);
	}
	printf("\n");
}

static void files(void)
{
	struct limit l;
	int fd, flags;

	limits(RLIMIT_NOFILE, NULL, &l);
	printf("fds");
	for (fd = 0; fd < 65536 && (uint64_t)fd < l.soft; fd++)
		if ((flags = fcntl(fd, F_GETFD)) != -1)
			printf(" %d%s", fd, flags & FD_CLOEXEC ? "c" : "");
	printf("\n");
}

static void limit(const char *name, int resource)
{
	struct limit l;

	limits(resource, NULL, &l);
	printf("%s %lld %lld\n", name, (long long)l.soft, (long long)l.hard);
}

int main(int argc, char **argv)
{
	uint64_t blocked = sig_mask(SIG_BLOCK, 0);
	char cwd[4096];
	char **env;
	int i, pdeathsig = 0, subreaper = 0, tty;
	mode_t mask;

	/* List the files first, before any other is opened. */
	files();
	printf("pid %ld\nppid %ld\n", (long)getpid(), (long)getppid());
	printf("pgid %ld\nsid %ld\n", (long)getpgrp(), (long)getsid(0));
	tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	printf("tpgid %ld\n", tty == -1 ? -1L : (long)tcgetpgrp(tty));
	printf("blocked %016llx\n", (unsigned long long)blocked);
	printf("pending %016llx\n", (unsigned long long)sig_pending());
	dispositions("ignored", 1);
	dispositions("caught", 0);
	printf("cwd %s\n", getcwd(cwd, sizeof cwd) ? cwd : strerror(errno));
	mask = umask(0);
	printf("umask %03o\n", (unsigned)mask);
	limit("core", RLIMIT_CORE);
	limit("nofile", RLIMIT_NOFILE);
	limit("sigpending", RLIMIT_SIGPENDING);
	prctl(PR_GET_PDEATHSIG, &pdeathsig);
	prctl(PR_GET_CHILD_SUBREAPER, &subreaper);
	printf("pdeathsig %d\nsubreaper %d\n", pdeathsig, subreaper);
	printf("dumpable %d\n", prctl(PR_GET_DUMPABLE));
	printf("ids %ld %ld\n", (long)geteuid(), (long)getegid());
	printf("argc %d\n", argc);
	for (i = 0; i < argc; i++)
		printf("argv %s\n", argv[i]);
	for (env = environ; *env != NULL; env++)
		printf("env %s\n", *env);
	return fflush(stdout) == 0 ? 0 : 99;
}
