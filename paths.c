/* Paths: what is created on disk, and removed. */
#include "paths.h"

#include <string.h>
#include <sys/stat.h>

#include "child.h"
#include "files.h"
#include "kernel.h"
#include "log.h"
#include "text.h"

char kept_paths[PATHS_KEPT][PATH_MAX] RARELY_USED;

char *path_room(void)
{
	static int used;

	return kept_paths[used++];
}

int place_set(struct place *place, const char *path)
{
	size_t n = 0;

	place->path = path_room();
	place->made = 0;
	if (*path != '/') {
		/* getcwd(3) would link the heap. */
		if (syscall(SYS_getcwd, place->path, PATH_MAX - 1) < 0)
			return -1;
		n = strlen(place->path);
		place->path[n++] = '/';
	}
	/* The kernel's name of a working directory outside the root begins with "(unreachable)". */
	if (!*path || n + strlen(path) >= PATH_MAX || (n && *place->path != '/')) {
		errno = n + strlen(path) >= PATH_MAX ? ENAMETOOLONG : ENOENT;
		return -1;
	}
	format(place->path + n, PATH_MAX - n, "%s", path);
	for (n = strlen(place->path); n > 1 && place->path[n - 1] == '/'; n--)
		place->path[n - 1] = '\0';
	return 0;
}

struct resolving {
	const char *path;
	char *real;
	int pipe[2];
};

static int resolve(void *arg)
{
	const struct resolving *r = arg;

	if (chdir(r->path) || syscall(SYS_getcwd, r->real, PATH_MAX) < 0)
		return errno;
	/* The kernel's name of a directory outside the root begins with "(unreachable)". */
	return *r->real == '/' && write(r->pipe[1], r->real, PATH_MAX) == PATH_MAX ? 0 : ENOENT;
}

/*
 * Use a child to change directory, since it may be impossible to return to ours if it cannot be
 * searched. Pass the result through a pipe: under an emulator a vfork(2) child does not share
 * memory. A pipe has room for a page, and PATH_MAX is not more. If this fails, nsinit ends, so
 * nothing is closed then.
 */
/* NOLINTNEXTLINE(readability-non-const-parameter): the result is read into it. */
int path_resolve(const char *path, char real[static PATH_MAX])
{
	struct resolving r = {.path = path, .real = real};
	struct child child;
	char stack[4096];
	int status;

	if (syscall(SYS_pipe2, r.pipe, O_CLOEXEC) ||
	    child_clone(&child, resolve, &r, CLONE_VM | CLONE_VFORK, stack + sizeof(stack)))
		return -1;
	status = child_wait(&child);
	close(child.pidfd);
	close(r.pipe[1]);
	read(r.pipe[0], real, PATH_MAX);
	close(r.pipe[0]);
	if (!status)
		return 0;
	errno = WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
	return -1;
}

int place_make(struct place *place)
{
	char *end = place->path, was;

	do {
		end = find_char(end + 1, '/');
		was = *end;
		*end = '\0';
		if (!mkdir(place->path, 0755)) {
			if (!place->made)
				place->made = (size_t)(end - place->path);
		} else if (errno != EEXIST) {
			*strrchr(place->path, '/') = '\0'; /* it existed: keep it */
			return -1;
		}
		*end = was;
	} while (was);
	return 0;
}

void place_remove(struct place *place)
{
	char *path = place->path;
	size_t n;

	if (!place->made)
		return;
	n = strlen(path);
	while (n >= place->made) {
		/* Skip "x/.." and "x//": nsinit did not create them, though it may have created
		 * "x". */
		if (rmdir(path) && errno != EINVAL && errno != ENOTEMPTY && errno != ENOENT)
			say(ALWAYS, "cannot remove %s: %m", path);
		while (n > 0 && path[--n] != '/')
			;
		path[n] = '\0';
	}
}

int pid_file_make(struct pid_file *file, const char *path)
{
	struct stat old;

	if (place_set(&file->at, path))
		return -1;
	/* Always create a new file: its inode distinguishes it from one that another nsinit creates
	 * later. A link or a device is left alone. */
	if (!file_stat(AT_FDCWD, file->at.path, &old) && S_ISREG(old.st_mode))
		unlink(file->at.path);
	file->fd = file_open(file->at.path, O_WRONLY | O_CREAT | O_EXCL);
	return file->fd < 0 ? -1 : 0;
}

void pid_file_fill(struct pid_file *file, pid_t pid)
{
	char text[16];
	size_t n = format(text, sizeof(text), "%d\n", pid);

	if (file->fd >= 0 && write(file->fd, text, n) != (ssize_t)n)
		say(ALWAYS, "cannot write PID %d to %s: %m", pid, file->at.path);
}

void pid_file_remove(struct pid_file *file)
{
	struct stat ours, there;
	int failed = file_stat(file->fd, "", &ours) || file_stat(AT_FDCWD, file->at.path, &there);

	if (!failed && ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
		failed = unlink(file->at.path);
	if (failed && errno != ENOENT)
		say(ALWAYS, "cannot remove %s: %m", file->at.path);
	close(file->fd);
	file->fd = -1;
}
