/*
 * Linked in by `make coverage` alone. The lines that were run are written at the end of a process,
 * but not where it ends by _exit(2), and before an exec once and for all, also for the one whose
 * memory it shares. So: at each _exit, and at no exec.
 */
#include <gcov.h>
#include <unistd.h>

_Noreturn void __real__exit(int status);
_Noreturn void __wrap__exit(int status);
int __wrap___gcov_execve(const char *path, char *const argv[], char *const envp[]);

void __wrap__exit(int status)
{
	__gcov_dump();
	__gcov_reset();
	__real__exit(status);
}

int __wrap___gcov_execve(const char *path, char *const argv[], char *const envp[])
{
	return execve(path, argv, envp);
}
