/* Namespaces: kinds and flags, the steps of setting up, and their undoing. */
#include "namespace.h"

#include <net/if.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>

#include "child.h"
#include "files.h"
#include "kernel.h"
#include "log.h"
#include "machine.h"
#include "options.h"
#include "text.h"

static const char kinds[] = "pid\0mount\0uts\0ipc\0net\0user\0cgroup\0time\0";
/* The flags of the kinds, in the same order. */
static const unsigned int flags_of[] = {CLONE_NEWPID, CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC,
    CLONE_NEWNET, CLONE_NEWUSER, CLONE_NEWCGROUP, CLONE_NEWTIME};
enum { KINDS = sizeof(flags_of) / sizeof(*flags_of) };

/* The lowest byte of clone(2)'s flags is the signal for the child's end. */
#define NOT_BY_CLONE ((unsigned long)CLONE_NEWTIME)
_Static_assert(((CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET |
		    CLONE_NEWUSER | CLONE_NEWCGROUP) &
		   0xff) == 0,
    "a kind that clone(2) cannot create");

unsigned long namespace_flag(const char *name)
{
	return flags_of[word_index(kinds, name)];
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
	/* EINVAL, or ENOSYS from a seccomp filter */
	return "this kernel lacks one of these kinds, or children belong to another PID namespace";
}

static void say_no_namespace(unsigned long flags)
{
	char list[64];
	size_t n = 0;

	for (int i = 0; i < KINDS; i++)
		if (flags & flags_of[i])
			n += format(
			    list + n, sizeof(list) - n, "%s%s", n ? ", " : "", word_at(kinds, i));
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

static void mount_proc_or_exit(const char *dir)
{
	if (mount_proc(dir))
		_exit(STATUS_FAILED);
}

static void unshare_or_exit(int kind)
{
	if (!unshare(kind))
		return;
	say_no_namespace((unsigned long)kind);
	_exit(STATUS_FAILED);
}

/* Make a separate, private mount point, so that what is mounted there is not propagated to other
 * mount namespaces. */
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
		mounted->point = file_open(path, O_PATH);
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
 * Detach the mounts, since a process may be using one. "." names the topmost mount at the mount
 * point, so each call removes one layer, and the last call the mount point itself. Then umount2(2)
 * fails with EINVAL.
 */
void namespace_undo(struct mounted *mounted)
{
	if (mounted->point >= 0 && !syscall(SYS_fchdir, mounted->point)) {
		while (!umount2(".", MNT_DETACH))
			;
		if (errno != EINVAL)
			say(ALWAYS, "cannot unmount %s: %m", mounted->path);
	}
	place_remove(&mounted->at);
}

int namespace_enter(const struct options *opt, struct child *inner, int (*fn)(void *), void *arg)
{
	/* A procfs shows the PID namespace of the process that mounts it. For --export-proc the
	 * inner process mounts it before it creates its mount namespace. */
	unsigned long flags =
	    opt->namespaces & ~NOT_BY_CLONE & ~(opt->export_proc ? (unsigned long)CLONE_NEWNS : 0);
	char stack[COPIED_STACK];

	if (!child_clone(inner, fn, arg, (int)flags, stack + sizeof(stack)))
		return 0;
	say_no_namespace(opt->namespaces);
	return -1;
}

static _Noreturn void fail(const char *what, const char *name, const char *why)
{
	say(ALWAYS, "%s %s: %m%s", what, name, why);
	_exit(STATUS_FAILED);
}

/* Write TEXT to a file of the calling process below /proc/self, for WHAT. */
static void write_own(const char *what, const char *file, const char *text)
{
	char path[64];
	int fd;

	format(path, sizeof(path), "/proc/self/%s", file);
	fd = file_open(path, O_WRONLY);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail(what, path,
		    errno == ENOENT ? " (is a procfs of this PID namespace mounted at /proc?)"
				    : "");
	close(fd);
}

/*
 * The inner process writes its own maps. It cannot write those of another process by mistake: from
 * inside the new user namespace it has no permission for them. Each map has one id, and
 * setgroups(2) is denied first, which user_namespaces(7) allows to every user. Check the result,
 * since /proc may not be a procfs at all.
 */
static void map_ids(const struct options *opt, const struct caller *caller)
{
	static const char what[] = "cannot map the ids of the new user namespace:";
	uid_t uid = opt->map_root ? 0 : caller->uid;
	gid_t gid = opt->map_root ? 0 : caller->gid;
	char uids[32], gids[32];

	format(uids, sizeof(uids), "%u %u 1\n", uid, caller->uid);
	format(gids, sizeof(gids), "%u %u 1\n", gid, caller->gid);
	write_own(what, "setgroups", "deny");
	write_own(what, "uid_map", uids);
	write_own(what, "gid_map", gids);
	if (geteuid() == uid && getegid() == gid)
		return;
	errno = ESRCH;
	fail(what, "/proc/self", " (/proc is not a procfs of this PID namespace)");
}

static size_t format_offset(char *buf, size_t size, const char *clock, const struct time_offset *at)
{
	if (!at->set)
		return 0;
	return format(buf, size, "%s %s%u %u\n", clock, at->seconds < 0 ? "-" : "",
	    at->seconds < 0 ? 0U - (unsigned int)at->seconds : (unsigned int)at->seconds,
	    (unsigned int)at->nanoseconds);
}

/*
 * A process enters a new time namespace when it is created, and the offsets can be set only before
 * the first one has entered (time_namespaces(7)). So unshare it, set them, and enter by setns(2):
 * COMMAND can then be created with CLONE_VM, which needs the parent to be in the same one.
 */
static void enter_time(const struct options *opt)
{
	char text[128];
	size_t n;
	int fd;

	unshare_or_exit(CLONE_NEWTIME);
	n = format_offset(text, sizeof(text), "monotonic", &opt->monotonic);
	n += format_offset(text + n, sizeof(text) - n, "boottime", &opt->boottime);
	if (n)
		write_own("cannot set the clocks:", "timens_offsets", text);
	fd = file_open("/proc/self/ns/time_for_children", O_RDONLY);
	if (fd < 0 || setns(fd, CLONE_NEWTIME))
		fail("cannot enter the new", "time namespace", "");
	close(fd);
}

static int propagate_from(const char *dir, const struct options *opt)
{
	return mount(NULL, dir, NULL, MS_REC | opt->propagation, NULL);
}

/*
 * In a chroot "/" is not a mount point, and the mount point above it has no name. After a chroot to
 * a directory further down, ".." leads from the old root directory to the real one (chroot(2)). The
 * descriptors lead back.
 */
static int propagate_from_chroot(const struct options *opt)
{
	int root = file_open("/", O_PATH);
	int here = file_open(".", O_PATH);
	int failed = root < 0 || here < 0 || chroot("/proc") || syscall(SYS_fchdir, root);

	for (int up = 0; up < PATH_MAX / 2 && !failed; up++)
		failed = chdir("..");
	failed = failed || propagate_from(".", opt);
	if (syscall(SYS_fchdir, root) || chroot(".") || syscall(SYS_fchdir, here))
		failed = 1;
	close(root);
	close(here);
	return failed;
}

static void propagate(const struct options *opt)
{
	if (opt->propagation && propagate_from("/", opt) &&
	    (errno != EINVAL || propagate_from_chroot(opt)))
		fail("cannot set the propagation of mounts below", "/", why_no_mount());
}

static void loopback_up(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	int fd = (int)syscall(SYS_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* COMMAND can run without a loopback interface, so this is not fatal. */
	if (fd < 0 || syscall(SYS_ioctl, fd, SIOCSIFFLAGS, &lo))
		say(ALWAYS, "cannot bring the loopback interface up: %m");
	close(fd);
}

/*
 * pivot_root(2) needs a mount point, so DIR is bind-mounted on top of "/". There it can be reached
 * from any working directory, since "/.." leads to what is mounted on the root directory. A path to
 * DIR would not do: it may contain directories that the caller cannot search.
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
 * Mount procfs before the old root is unmounted: in a user namespace the kernel allows a new procfs
 * only while another one is fully visible. Mount it from inside a chroot, so that no ".." in a link
 * inside DIR leads out of DIR.
 */
static void mount_proc_below(const char *root, const char *proc, int old)
{
	if (chroot("."))
		fail("cannot enter the root", root, "");
	mount_proc_or_exit(proc);
	if (syscall(SYS_fchdir, old) || chroot(".") || chdir("/.."))
		fail("cannot leave the root", root, "");
}

/* pivot_root(".", ".") needs no directory for the old root. */
static void pivot(const struct options *opt)
{
	int old = file_open("/", O_PATH);

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
	 * pivot_root(2) cannot replace the root of an initramfs or of a chroot, so use chroot(2)
	 * there. A process with CAP_SYS_ADMIN in the user namespace of these mounts can leave a
	 * chroot by umount2(2) of "/" and setns(2). Root of the machine has such means in any case.
	 * Root of a new user namespace does not, and must not get them.
	 */
	if (errno != EINVAL || opt->namespaces & CLONE_NEWUSER)
		fail("cannot pivot into", opt->root,
		    errno == EINVAL ? " (the root of an initramfs or a chroot cannot be exchanged, "
				      "and a new user namespace could leave a mere chroot)"
				    : "");
	if (chroot("."))
		fail("cannot enter the root", opt->root, "");
}

/* If mounts are shared with the outside, mount nothing, since it would appear there as well. */
static void make_private(const char *dir, const struct options *opt)
{
	if (opt->propagation == MS_SLAVE || opt->propagation == MS_PRIVATE)
		return;
	if (mount(NULL, dir, NULL, MS_REC | MS_PRIVATE, NULL))
		fail("cannot make private", dir,
		    errno == EINVAL
			? " (it is no mount point, and with this --propagation a procfs "
			  "there would show outside)"
			: "");
}

void namespace_set_up(
    const struct options *opt, const struct mounted *mounted, const struct caller *caller)
{
	if (opt->map_root || opt->map_current)
		map_ids(opt, caller);
	if (opt->namespaces & CLONE_NEWTIME)
		enter_time(opt);
	if (opt->export_proc) {
		mount_proc_or_exit(mounted->path);
		if (opt->namespaces & CLONE_NEWNS)
			unshare_or_exit(CLONE_NEWNS);
	}
	if (opt->namespaces & CLONE_NEWNET)
		loopback_up();
	if (opt->hostname && sethostname(opt->hostname, strlen(opt->hostname)))
		fail("cannot set the hostname", opt->hostname, "");
	if (opt->namespaces & CLONE_NEWNS)
		propagate(opt);
	if (opt->root) {
		pivot(opt);
	} else if (opt->proc) {
		make_private(opt->proc, opt);
		mount_proc_or_exit(opt->proc);
	}
}
