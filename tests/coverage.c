/*
 * Linked in by `make coverage` only. gcov writes a process's counters when it exits, to paths. That
 * fails if the process is killed or calls _exit(2), if its root is another one, or if its user may
 * not write there. So all processes share their counters in one file. The last one, which
 * COVERAGE_END identifies, writes the sums.
 */
#include <fcntl.h>
#include <gcov.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { INHERITED = 9, SIZE = 1024 * 1024 }; /* as the Makefile has them */

/* Whole pages (tests/coverage.ld). */
extern char counters_begin[], counters_end[];

__attribute__((constructor)) static void share(void)
{
	int fd = open(COUNTERS, O_RDWR | O_CLOEXEC);
	struct stat st;

	/* In a chroot it may have been inherited; where it has not, one process is not counted. */
	if (fd < 0 && (fstat(INHERITED, &st) || st.st_size != SIZE))
		return;
	mmap(counters_begin, (size_t)(counters_end - counters_begin), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_FIXED, fd < 0 ? INHERITED : fd, 0);
	if (fd >= 0)
		close(fd);
	if (!getenv("COVERAGE_END"))
		return;
	__gcov_dump();
	_exit(0);
}
