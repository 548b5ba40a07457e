/*
 * die: exits with a status, or is terminated by a signal, any of the 64 that terminate a process.
 *
 *     die STATUS
 *     die -s SIG
 */
#include <sys/resource.h>

#include "raw.h"

int main(int argc, char **argv)
{
	const struct limit none = {0, 0};
	int sig;

	if (argc == 2)
		return (int)number(argv[1], 0, 255);
	if (argc != 3 || strcmp(argv[1], "-s") != 0)
		return 98;
	sig = (int)number(argv[2], 1, SIGNALS);
	limits(RLIMIT_CORE, &none, NULL);
	sig_dispose(sig, SIG_DFL);
	sig_mask(SIG_SETMASK, 0);
	syscall(SYS_tgkill, getpid(), getpid(), sig);
	fprintf(stderr, "die: survived signal %d\n", sig);
	return 99;
}
