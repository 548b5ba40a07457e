/* Namespaces: kinds and flags, the steps of setting up, and their undoing. */
#include "namespace.h"

#include <net/if.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include "child.h"
#include "kernel.h"
#include "log.h"
#include "options.h"

static const struct {
	const char *name;
	unsigned long flag;
} kinds[] = {
    {"pid", CLONE_NEWPID},
    {"mount", CLONE_NEWNS},
    {"uts", CLONE_NEWUTS},
    {"ipc", CLONE_NEWIPC},
    {"net", CLONE_NEWNET},
    {"user", CLONE_NEWUSER},
    {"cgroup", CLONE_NEWCGROUP},
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

unsigned long namespace_flag(const char *name)
{
	int i = 0;

	while (strcmp(name, kinds[i].name) != 0)
		i++;
	return kinds[i].flag;
}

/* The likeliest reason for which the kernel refuses namespaces (clone(2), user_namespaces(7),
 * pid_namespaces(7)). */
static const char *why_no_namespace(unsigned long flags)
{
	if (errno == EPERM && flags & CLONE_NEWUSER)
		return "user namespaces are switched off, by sysctl, the container around or a "
		       "chroot";
	if (errno == EPERM)
		return "not privileged: root or CAP_SYS_ADMIN is needed, or --map-root-user";
	if (errno == ENOSPC && flags & CLONE_NEWPID)
		return "32 nested PID namespaces are the most, or a limit in /proc/sys/user is "
		       "reached";
	if (errno == ENOSPC)
		return "a limit in /proc/sys/user is reached, or too many are nested";
	if (errno == ENOMEM)
		return "no memory, or the init of this PID namespace is gone";
	if (errno == EAGAIN)
		return "a limit on processes: pids.max, RLIMIT_NPROC";
	/* EINVAL, or ENOSYS by a filter */
	return "this kernel lacks one of these kinds, or children belong to another PID namespace";
}

static void say_no_namespace(unsigned long flags)
{
	char list[64];
	size_t n = 0;

	for (int i = 0; i < KINDS; i++)
		if (flags & kinds[i].flag)
			n += format(
			    list + n, sizeof(list) - n, "%s%s", n ? ", " : "", kinds[i].name);
	say(ALWAYS, "cannot create new namespaces (%s): %m (%s)", list, why_no_namespace(flags));
}

static const char *why_no_mount(void)
{
	return errno == EPERM || errno == EACCES
		   ? " (not privileged, or /proc is masked by the container around)"
		   : "";
}

static int mount_proc(const char *dir)
{
	if (!mount("proc", dir, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return 0;
	say(ALWAYS, "cannot mount proc at %s: %m%s", dir, why_no_mount());
	return -1;
}

/* On a mount point of its own that is private, what is mounted is not propagated to other
 * namespaces. */
static int make_mount_point(struct mounted *mounted, const char *dir, const char *own)
{
	const char *path = mounted->path = path_room();

	if (place_set(&mounted->at, dir) || place_make(&mounted->at) ||
	    path_resolve(mounted->at.path, mounted->path)) {
		say(ALWAYS, "cannot make directory %s: %m", dir);
		return -1;
	}
	if (!strcmp(path, "/") || !strcmp(path, own)) {
		say(ALWAYS, "cannot mount proc at %s: it would hide the caller's own %s", dir,
		    path);
		return -1;
	}
	if (!mount(path, path, NULL, MS_BIND, NULL)) {
		mounted->point = file_own(open(path, O_PATH | O_CLOEXEC));
		if (mounted->point < 0)
			umount2(path, MNT_DETACH);
		else if (!mount(NULL, path, NULL, MS_PRIVATE, NULL))
			return 0;
	}
	say(ALWAYS, "cannot make a private mount point of %s: %m%s", path, why_no_mount());
	return -1;
}

int namespace_prepare(const struct options *opt, struct mounted *mounted)
{
	struct statfs fs;

	if (opt->export_proc)
		return make_mount_point(mounted, opt->export_proc, "/proc");
	if (!opt->proc || opt->namespaces || (!statfs(opt->proc, &fs) && fs.f_type == PROC_MAGIC))
		return 0;
	return make_mount_point(mounted, opt->proc, "/") || mount_proc(mounted->path) ? -1 : 0;
}

/*
 * Detached: somebody may have gone there meanwhile. "." leads to what is mounted on top of the
 * mount point; one after the other goes, and at last the mount point itself. EINVAL: that has been
 * done.
 */
void namespace_undo(struct mounted *mounted)
{
	if (mounted->point >= 0 && !fchdir(mounted->point)) {
		while (!umount2(".", MNT_DETACH))
			;
		if (errno != EINVAL)
			say(ALWAYS, "cannot unmount %s: %m", mounted->path);
	}
	place_remove(&mounted->at);
}

static int write_map(pid_t pid, const char *file, const char *text)
{
	char path[64];
	int fd, failed;

	format(path, sizeof(path), "/proc/%d/%s", pid, file);
	fd = file_own(open(path, O_WRONLY | O_CLOEXEC));
	failed = fd < 0 || write(fd, text, strlen(text)) < 0;
	if (failed)
		say(ALWAYS, "cannot map root in the new user namespace: %s: %m", path);
	close(fd);
	return -failed;
}

/* setgroups(2) must be denied before an unprivileged caller may map a group (user_namespaces(7)).
 */
static int map_root(pid_t pid)
{
	char uids[32], gids[32];

	format(uids, sizeof(uids), "0 %u 1\n", geteuid());
	format(gids, sizeof(gids), "0 %u 1\n", getegid());
	return write_map(pid, "setgroups", "deny") || write_map(pid, "uid_map", uids) ||
	       write_map(pid, "gid_map", gids);
}

int namespace_enter(
    const struct options *opt, struct child *inner, int (*fn)(void *), void *arg, int sockets[2])
{
	/* A procfs shows the PID namespace of the one who mounts it: for the caller, before its own
	 * mount namespace. */
	unsigned long flags =
	    opt->namespaces & ~(opt->export_proc ? (unsigned long)CLONE_NEWNS : 0);
	/* The child has a copy of our memory, and may run over what lies below: it never returns
	 * there. */
	char stack[16];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets)) {
		say(ALWAYS, "cannot make a socket pair: %m");
		return -1;
	}
	setsockopt(sockets[0], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int));
	sockets[0] = file_own(sockets[0]);
	sockets[1] = file_own(sockets[1]);
	if (child_clone(inner, fn, arg, (int)flags, stack + sizeof(stack),
		NULL)) {
		say_no_namespace(opt->namespaces);
		return -1;
	}
	close(sockets[1]);
	if (!opt->map_root)
		return 0;
	if (!map_root(inner->pid)) {
		if (send(sockets[0], "", 1, MSG_NOSIGNAL) == 1)
			return 0;
		say(ALWAYS, "cannot tell the inner nsinit to go on: %m");
	}
	kill(inner->pid, SIGKILL);
	child_wait(inner);
	return -1;
}

static _Noreturn void fail(const char *what, const char *name, const char *why)
{
	say(ALWAYS, "%s %s: %m%s", what, name, why);
	_exit(STATUS_FAILED);
}

static int propagate_from(const char *dir, const struct options *opt)
{
	return mount(NULL, dir, NULL, MS_REC | opt->propagation, NULL);
}

/*
 * In a chroot "/" is no mount point, and the one that it lies in has no name. With the root
 * directory put further down, ".." leads from the old one to the real root (chroot(2)), and the
 * descriptors lead back.
 */
static int propagate_from_chroot(const struct options *opt)
{
	int root = file_own(open("/", O_PATH | O_CLOEXEC));
	int here = file_own(open(".", O_PATH | O_CLOEXEC));
	int failed = root < 0 || here < 0 || chroot("/proc") || fchdir(root);

	for (int up = 0; up < PATH_MAX / 2 && !failed; up++)
		failed = chdir("..");
	failed = failed || propagate_from(".", opt);
	failed |= fchdir(root) || chroot(".") || fchdir(here) || close(root) || close(here);
	return failed;
}

static void propagate(const struct options *opt)
{
	if (propagate_from("/", opt) && (errno != EINVAL || propagate_from_chroot(opt)))
		fail("cannot set the propagation of", "/", why_no_mount());
}

static void loopback_up(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* A container without a loopback is poorer, not wrong. */
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo))
		say(ALWAYS, "cannot bring the loopback up: %m");
	close(fd);
}

/* pivot_root(2) wants a mount point that is not shared; "." over "." needs no directory for the old
 * root. */
static void pivot(const char *root, const char *proc)
{
	int old = file_own(open("/", O_PATH | O_CLOEXEC));
	char real[PATH_MAX];

	/* By its real name: below "." what has just been mounted on it would not be found. */
	if (path_resolve(root, real) || mount(real, real, NULL, MS_BIND | MS_REC, NULL) ||
	    chdir(real))
		fail("cannot enter the root", root, "");
	/*
	 * Before the old root goes: in a user namespace a procfs in full sight is the leave to
	 * mount another. And before it lies on top of the new one, where "/.." in a link would lead
	 * into it.
	 */
	if (proc) {
		if (chroot("."))
			fail("cannot enter the root", root, "");
		if (mount_proc(proc))
			_exit(STATUS_FAILED);
		if (fchdir(old) || chroot(".") || chdir(real))
			fail("cannot leave the root", root, "");
	}
	if (!syscall(SYS_pivot_root, ".", ".")) {
		if (umount2(".", MNT_DETACH))
			fail("cannot let go of the old root below", root, "");
		return;
	}
	/* The root of an initramfs cannot be pivoted away; then DIR is moved over it. */
	if (errno != EINVAL || mount(".", "/", NULL, MS_MOVE, NULL) || chroot("."))
		fail("cannot pivot into", root, errno == EBUSY ? " (it is the root already)" : "");
}

void namespace_set_up(const struct options *opt, const struct mounted *mounted, int peer)
{
	ssize_t n;
	char go;

	if (opt->map_root && (n = recv(peer, &go, 1, 0)) != 1) {
		if (n < 0)
			say(ALWAYS, "cannot be told to go on: %m");
		_exit(STATUS_FAILED);
	}
	if (opt->export_proc) {
		if (mount_proc(mounted->path))
			_exit(STATUS_FAILED);
		if (opt->namespaces & CLONE_NEWNS && unshare(CLONE_NEWNS)) {
			say_no_namespace(CLONE_NEWNS);
			_exit(STATUS_FAILED);
		}
	}
	if (opt->namespaces & CLONE_NEWNET)
		loopback_up();
	if (opt->hostname && sethostname(opt->hostname, strlen(opt->hostname)))
		fail("cannot set the hostname", opt->hostname, "");
	if (opt->namespaces & CLONE_NEWNS)
		propagate(opt);
	if (opt->root)
		pivot(opt->root, opt->proc);
	else if (opt->proc && mount_proc(opt->proc))
		_exit(STATUS_FAILED);
}
