/*
 * leave: tries to escape from the root directory, by the means available to root in a user
 * namespace.
 *
 *     leave FILE
 *
 * FILE exists only in the old root. If FILE can be seen after one of the attempts, leave prints
 * "LEFT by WHAT" and exits with 1; otherwise it prints "KEPT" and exits with 0.
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "raw.h"

#ifndef MNT_DETACH
#define MNT_DETACH 2
#endif

static void look_for(const char *file, const char *what)
{
	if (access(file, F_OK) == -1)
		return;
	log_line(1, "LEFT by %s\n", what);
	_exit(1);
}

/* Changes the root to a directory further down, and leaves the previous one by ".." (chroot(2)). */
static void leave_by_chroot(const char *file)
{
	int old = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (old == -1 || (mkdir("/leave", 0700) == -1 && errno != EEXIST) ||
	    chroot("/leave") == -1 || fchdir(old) == -1)
		return;
	for (int up = 0; up < 64; up++)
		if (chdir("..") == -1)
			return;
	if (chroot(".") == -1)
		return;
	look_for(file, "chroot");
	if (fchdir(old) == -1 || chroot(".") == -1)
		fail("the way back");
}

/*
 * Entering a mount namespace sets the root directory to what is mounted at that namespace's root.
 */
static void leave_by_setns(const char *file)
{
	int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);

	if (own == -1)
		return;
	for (int i = 0; i < 8; i++) {
		if (setns(own, CLONE_NEWNS) == 0)
			look_for(file, "setns");
		if (umount2("/", MNT_DETACH) == -1)
			return;
		look_for(file, "umount2");
	}
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 98;
	look_for(argv[1], "nothing");
	leave_by_chroot(argv[1]);
	leave_by_setns(argv[1]);
	log_line(1, "KEPT\n");
	return 0;
}
