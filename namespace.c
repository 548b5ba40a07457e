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
	return 0;
}

static _Noreturn void fail(const char *what, const char *name, const char *why)
{
	say(ALWAYS, "%s %s: %m%s", what, name, why);
	_exit(STATUS_FAILED);
}

/* Write TEXT to a file of the calling process below /proc/self. */
static void write_own(const char *file, const char *text)
{
	char path[64];
	int fd;

	format(path, sizeof(path), "/proc/self/%s", file);
	fd = file_own(open(path, O_WRONLY | O_CLOEXEC));
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("cannot write", path,
		    errno == ENOENT ? " (is a procfs of this PID namespace mounted at /proc?)" : "");
	close(fd);
}

/*
 * By the process that the ids are for, which reaches no other one: /proc/self is its own, and from
 * inside the new user namespace it may write no other process's map. A map is what
 * user_namespaces(7) allows to everybody: one id, after setgroups(2) has been denied. Somebody's
 * /proc may be no procfs at all, so look at the result.
 */
static void map_ids(const struct caller *caller)
{
	char uids[32], gids[32];

	format(uids, sizeof(uids), "0 %u 1\n", caller->uid);
	format(gids, sizeof(gids), "0 %u 1\n", caller->gid);
	write_own("setgroups", "deny");
	write_own("uid_map", uids);
	write_own("gid_map", gids);
	if (geteuid() == 0 && getegid() == 0)
		return;
	errno = ESRCH;
	fail("cannot map ids by", "/proc/self", " (/proc is not a procfs of this PID namespace)");
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

/*
 * pivot_root(2) wants a mount point. DIR is bound on top of "/", which can be reached from any
 * working directory: "/.." leads from the root directory to what is mounted on it. The names on the
 * way to DIR may belong to directories that the caller cannot search.
 */
static void bind_root(const char *root)
{
	char name[PATH_MAX];

	if (chdir(root))
		fail("cannot enter the root", root, "");
	errno = EBUSY;
	if (syscall(SYS_getcwd, name, sizeof(name)) > 0 && !strcmp(name, "/"))
		fail("cannot pivot into", root, " (it is the root already)");
	if (mount(".", "/", NULL, MS_BIND | MS_REC, NULL) || chdir("/.."))
		fail("cannot enter the root", root, "");
}

/*
 * Before the old root goes: in a user namespace the kernel allows a new procfs only while another
 * one is in full sight. From below a chroot, so that no ".." in a link inside DIR leads out of it.
 */
static void mount_proc_below(const char *root, const char *proc, int old)
{
	if (chroot("."))
		fail("cannot enter the root", root, "");
	if (mount_proc(proc))
		_exit(STATUS_FAILED);
	if (fchdir(old) || chroot(".") || chdir("/.."))
		fail("cannot leave the root", root, "");
}

/* "." over "." needs no directory for the old root. */
static void pivot(const struct options *opt)
{
	int old = file_own(open("/", O_PATH | O_CLOEXEC));

	bind_root(opt->root);
	if (opt->proc)
		mount_proc_below(opt->root, opt->proc, old);
	close(old);
	if (!syscall(SYS_pivot_root, ".", ".")) {
		if (umount2(".", MNT_DETACH))
			fail("cannot unmount the old root below", opt->root, "");
		return;
	}
	/*
	 * The root of an initramfs or of a chroot is no mount that can be exchanged. A chroot
	 * is left by whoever has CAP_SYS_ADMIN in the user namespace of these mounts, by umount2(2)
	 * of "/" and setns(2). The machine's root can do as much in any case; root of a new user
	 * namespace cannot otherwise, and must not.
	 */
	if (errno != EINVAL || opt->namespaces & CLONE_NEWUSER)
		fail("cannot pivot into", opt->root,
		    errno == EINVAL ? " (the root of an initramfs or a chroot cannot be exchanged, "
				      "and a new user namespace could leave a mere chroot)"
				    : "");
	if (chroot("."))
		fail("cannot enter the root", opt->root, "");
}

void namespace_set_up(
    const struct options *opt, const struct mounted *mounted, const struct caller *caller)
{
	if (opt->map_root)
		map_ids(caller);
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
		pivot(opt);
	else if (opt->proc && mount_proc(opt->proc))
		_exit(STATUS_FAILED);
}
