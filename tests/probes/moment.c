/*
 * moment: runs nsinit once, lets EVENT happen right before a system call, and judges what follows.
 *
 *     moment -x NSINIT [-f FLAGS] [-e EVENT@PROCESS:CALL:N]... [-g CGROUP] [-t SECONDS]
 *            -- NAME [OPTION]...
 *     moment -L [-f FLAGS]
 *
 * NAME is executed with the options and with this probe as COMMAND (see command()). A run without
 * -e is a reference: it prints "CALL PROCESS CALL N" for each call, and writes the phases of
 * nsinit's log to the file "phases". With -e each fault is printed on one line, with details of the
 * run. -L lists the events that FLAGS allow.
 *
 * PROCESS:CALL:N is explained in watch.h. The process is held before that call. First the others
 * run until all of them sleep, then the event happens, then the others run until they sleep again,
 * and then the call is made. Later, when nothing happens any more, everything that the event has
 * stopped is continued, a USR1 is sent, which COMMAND must receive once, and COMMAND is ordered to
 * exit with 7.
 *
 * FLAGS describe how nsinit runs, and what its options do:
 *
 *     T  below a shell on a terminal       L  leads the session of a terminal
 *     1  PID 1 of a PID namespace          i  new namespaces: there is an inner process
 *     p  in a new PID namespace            k  --kill-child: the outer's end is no KILL
 *     c  signals go to COMMAND only        g  a separate process group below a shell
 *     t  a grace                           s  TSTP is forwarded as STOP (dumb-init)
 *     P  no COMMAND                        f  a pid file, named pid
 *
 * The status is 0 for a run without fault, 1 for a run with a fault, 3 if the moment never came,
 * and 4 if the event was not possible (the process did not exist yet, or no longer).
 */
#include <sched.h>
#include <stdbool.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>

#include "watch.h"

#ifndef CLONE_NEWPID
#define CLONE_NEWPID 0x20000000
#endif
#ifndef CLONE_NEWNS
#define CLONE_NEWNS 0x00020000
#endif

enum { TALK = 60, RIGHT = 7, REALTIME = 35, GROUPS = 36, NO_COUNT = 99, MOMENTS = 2 };

static const char *flags = "";

static int is(char flag)
{
	return strchr(flags, flag) != NULL;
}

/* --- COMMAND --- */

/* Every signal is blocked from COMMAND's first instruction on, because nsinit has inherited that
 * mask. */
static void say(const char *who, const char *what, int a, int b, int c)
{
	char text[64];
	int n = snprintf(text, sizeof text, "%s %s %d %d %d", who, what, a, b, c);

	send(TALK, text, (size_t)n, MSG_NOSIGNAL);
}

static pid_t mate; /* a second member of COMMAND's process group */

static void obey(char order)
{
	const struct timespec at_once = {0, 0};
	uint64_t none = 0, all = ALL_MASK;
	int begun[2];
	pid_t pid;

	switch (order) {
	case 'O': /* an orphan, which ends once its parent has ended */
		if ((pid = fork()) == 0) {
			pid_t parent = getpid();

			if (fork() == 0)
				while (getppid() == parent)
					sched_yield();
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
		return;
	case 'D': /* a daemon remains when COMMAND ends */
		if (pipe(begun) == 0 && fork() == 0) {
			setsid();
			close(TALK);
			/* Until then it was in COMMAND's group, which may have been signalled. */
			while (syscall(SYS_rt_sigtimedwait, &all, NULL, &at_once, sizeof all) > 0)
				;
			sig_mask(SIG_SETMASK, none);
			close(begun[0]);
			close(begun[1]);
			for (;;)
				pause();
		}
		close(begun[1]);
		if (read(begun[0], &order, 1) == -1) /* until the daemon has closed it */
			fail("read");
		break;
	default:
		break;
	}
	if (mate > 0) {
		kill(mate, SIGKILL);
		waitpid(mate, NULL, 0);
	}
	_exit(RIGHT);
}

/* Report each signal; COMMAND, which leads, also takes orders. */
static _Noreturn void listen_to_all(const char *who, int leads)
{
	uint64_t mask = ALL_MASK & ~sig_bit(SIGCHLD);
	struct pollfd fds[] = {{.events = POLLIN}, {leads ? TALK : -1, POLLIN, 0}};
	struct signalfd_siginfo si;
	char order;

	fds[0].fd = (int)syscall(SYS_signalfd4, -1, &mask, sizeof mask, O_CLOEXEC);
	if (fds[0].fd == -1)
		fail("signalfd4");
	say(who, "READY", mate > 0, 0, 0);
	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[0].revents && read(fds[0].fd, &si, sizeof si) == sizeof si)
			say(who, "GOT", (int)si.ssi_signo, si.ssi_code, si.ssi_int);
		if (fds[1].revents & POLLIN && recv(TALK, &order, 1, 0) == 1)
			obey(order);
		else if (fds[1].revents & POLLHUP)
			_exit(RIGHT);
	}
}

static _Noreturn void command(void)
{
	pid_t self = getpid();

	if ((mate = fork()) == 0) {
		prctl(PR_SET_PDEATHSIG, (unsigned long)SIGKILL);
		if (getppid() != self)
			_exit(0);
		listen_to_all("MATE", 0);
	}
	listen_to_all("COMMAND", 1);
}

/* --- the start --- */

static struct shared {
	pid_t nsinit;
	int ended, status;
	pid_t foreground; /* at the end of nsinit */
} * shared;

static int listener, talk[2], log_pipe[2], master = -1, slave = -1;
static pid_t caller;
static const char *cgroup;

static void write_to(const char *name, const char *text)
{
	char path[256];
	int fd;

	snprintf(path, sizeof path, "%s/%s", cgroup, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd == -1 || write(fd, text, strlen(text)) == -1)
		fail(path);
	close(fd);
}

static void become_nsinit(char **argv)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (is('1') && (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
			   mount("proc", "/proc", "proc", 0, NULL) == -1))
		fail("mount");
	if (is('T')) {
		setpgid(0, 0);
		tcsetpgrp(slave, getpgrp()); /* TTOU is blocked */
	} else {
		setsid();
		if (is('L') && ioctl(slave, TIOCSCTTY, 0) == -1)
			fail("TIOCSCTTY");
	}
	dup2(is('T') || is('L') ? slave : null, 0);
	dup2(is('T') || is('L') ? slave : null, 1);
	dup2(log_pipe[1], 2);
	dup2(talk[1], TALK);
	execv(argv[0], argv);
	fail(argv[0]);
}

/* The caller, which behaves like a shell without job control. */
static void call(void *arg)
{
	long kinds = is('1') ? CLONE_NEWPID | CLONE_NEWNS : 0;
	int status;
	pid_t pid;

	unshare(CLONE_FILES);
	close(listener);
	if (cgroup)
		write_to("cgroup.procs", "0");
	if (is('T') && (setsid() == -1 || ioctl(slave, TIOCSCTTY, 0) == -1))
		fail("TIOCSCTTY");
	sig_mask(SIG_SETMASK, ALL_MASK);
	pid = (pid_t)syscall(SYS_clone, kinds | SIGCHLD, 0L, 0L, 0L, 0L);
	if (pid == -1)
		fail("clone");
	if (pid == 0)
		become_nsinit(arg);
	shared->nsinit = pid;
	sig_mask(SIG_SETMASK, 0);
	close(talk[0]);
	close(talk[1]);
	close(log_pipe[0]);
	close(log_pipe[1]);
	close(master);
	while (waitpid(pid, &status, 0) != pid)
		;
	shared->foreground = tcgetpgrp(slave);
	shared->status = status;
	shared->ended = 1;
	/* The end of the session leader would send signals to the foreground group. */
	for (;;)
		pause();
}

static void open_terminal(void)
{
	char name[64];
	int unlock = 0, n;

	master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (master == -1 || syscall(SYS_ioctl, master, TIOCSPTLCK, &unlock) == -1 ||
	    syscall(SYS_ioctl, master, TIOCGPTN, &n) == -1)
		fail("/dev/ptmx");
	snprintf(name, sizeof name, "/dev/pts/%d", n);
	slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (slave == -1)
		fail(name);
}

/* --- observing the run --- */

static size_t read_file(const char *path, char *text, size_t room)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t length = 0;
	ssize_t n;

	while (
	    fd != -1 && length < room - 1 && (n = read(fd, text + length, room - 1 - length)) > 0)
		length += (size_t)n;
	if (fd != -1)
		close(fd);
	text[length] = '\0';
	return length;
}

static char said[65536]; /* nsinit's stderr */
static size_t said_length;
static int got[SIGNALS + 1], mate_got[SIGNALS + 1];
static pid_t command_pid;
static int ready, has_mate, asked, hung, wrong_value;
static int baseline, calls_made;
static int64_t deadline;

static struct moment {
	const struct event *event;
	const char *name, *call;
	int process, at, n;
	int came, done;
} moments[MOMENTS];
static int moment_count;

static void __attribute__((format(printf, 1, 2))) wrong(const char *format, ...);
static int faults;

static void wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	faults++;
}

static void read_errors(void)
{
	ssize_t n;

	while (log_pipe[0] >= 0 && said_length < sizeof said - 1 &&
	       (n = read(log_pipe[0], said + said_length, sizeof said - 1 - said_length)) > 0)
		said_length += (size_t)n;
	said[said_length] = '\0';
}

static void read_talk(void)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	char text[64], who[16], what[16];
	struct iovec piece = {text, sizeof text - 1};
	struct ucred sender;
	int a, b, c;
	ssize_t n;

	for (;;) {
		struct msghdr message = {.msg_iov = &piece,
		    .msg_iovlen = 1,
		    .msg_control = &control,
		    .msg_controllen = sizeof control};

		n = recvmsg(talk[0], &message, MSG_DONTWAIT);
		if (n <= 0)
			return;
		text[n] = '\0';
		/* NOLINTNEXTLINE(cert-err34-c): the numbers are say()'s output. */
		if (sscanf(text, "%15s %15s %d %d %d", who, what, &a, &b, &c) != 5)
			continue;
		if (strcmp(what, "READY") == 0 && *who == 'C') {
			memcpy(&sender, CMSG_DATA(&control.head), sizeof sender);
			command_pid = sender.pid;
			has_mate = a;
			ready = 1;
		} else if (strcmp(what, "GOT") == 0) {
			if (a == REALTIME && b == SI_USER)
				a = GROUPS;
			else if (a == REALTIME && (b != SI_QUEUE || c != a))
				wrong_value = 1;
			(*who == 'C' ? got : mate_got)[a]++;
		}
	}
}

static int children_of(pid_t pid, pid_t *list, int room)
{
	char path[64], text[1024], *p;
	int fd, n = 0;
	ssize_t length;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)pid, (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return 0;
	length = read(fd, text, sizeof text - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	for (p = strtok(text, " "); p && n < room; p = strtok(NULL, " "))
		list[n++] = (pid_t)strtol(p, NULL, 10);
	return n;
}

enum { FAMILY = 64 };

static struct member {
	pid_t pid, parent;
	char state;
} family[FAMILY];

/* All descendants of this process. */
static int find_family(void)
{
	pid_t list[FAMILY], parent = getpid();
	int members = 0, next = 0, n, i;

	for (;;) {
		n = children_of(parent, list, FAMILY - members);
		for (i = 0; i < n; i++)
			family[members++] = (struct member){list[i], parent, 0};
		if (next == members)
			return members;
		parent = family[next].pid;
		family[next++].state = state_of((uint32_t)parent);
	}
}

/*
 * A process that is about to sleep, in wait4(2) for example, may be shown in state S while it still
 * runs. This file is not read until the process has left the processor, or shows that it is
 * running.
 */
static int is_running(pid_t pid)
{
	char path[64], text[8] = "";
	int fd;

	snprintf(path, sizeof path, "/proc/%d/syscall", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return 0;
	if (read(fd, text, sizeof text - 1) == -1)
		*text = '\0';
	close(fd);
	return *text == 'r';
}

static int all_sleep(void)
{
	int members = find_family(), i, j;

	for (i = 0; i < members; i++) {
		/* During vfork(2) a parent is in state D. */
		for (j = 0; j < members && family[j].parent != family[i].pid; j++)
			;
		if (family[i].state && !strchr(j < members ? "STZD" : "STZ", family[i].state))
			return 0;
		if (family[i].state == 'S' && is_running(family[i].pid))
			return 0;
	}
	return 1;
}

/* A process becomes a zombie a moment before its parent is woken. Both happen under the kernel's
 * lock on the process table, and setpgid(2) waits for that lock. */
static int all_sleep_soundly(void)
{
	if (!all_sleep())
		return 0;
	setpgid(0, 0);
	return all_sleep();
}

static int is_over(void)
{
	return shared->nsinit && !lives((uint32_t)shared->nsinit);
}

static int hold(int place, int at, int n, const struct notice *notice)
{
	struct moment *m;

	for (m = moments; m < moments + moment_count; m++) {
		if (m->came || m->process != place || m->at != at || m->n != n)
			continue;
		m->came = 1;
		processes[place].held = notice->id;
		processes[place].held_call = at;
		return 1;
	}
	return 0;
}

/* Receive a held call, and continue it unless its moment has come. Return whether there was one. */
static int serve(int ms)
{
	struct notice notice;
	int place, at, n;

	if (!watch_next(listener, ms, &notice, &place, &at, &n))
		return 0;
	if (place >= 0 && ++calls_made == MANY)
		wrong("spins");
	if (baseline && place >= 0 && at >= 0 && n)
		printf("CALL %d %s %d\n", place, calls[at].name, n);
	else if (baseline && place >= 0 && at < 0 && processes[0].counts[index_of(SYS_signalfd4)])
		wrong("call %d has no name in calls.h", notice.call.nr);
	if (place >= 0 && at >= 0 && n && hold(place, at, n, &notice))
		return 1;
	watch_answer(listener, notice.id, 0);
	return 1;
}

/* Wait until every process sleeps or is held. */
static void settle(void)
{
	int spins = 0;

	while (!hung) {
		while (serve(1))
			spins = 0;
		read_errors();
		read_talk();
		if (all_sleep_soundly() && !serve(0)) {
			read_errors();
			read_talk();
			return;
		}
		if (calls_made >= MANY || now() > deadline)
			hung = 1;
		if (++spins > 20 && serve(1))
			spins = 0;
		else
			sched_yield();
	}
}

/* --- the expected result --- */

static int least[SIGNALS + 1], most[SIGNALS + 1], mate_least[SIGNALS + 1], mate_most[SIGNALS + 1];
static char statuses[256]; /* the valid ones */
static int may_stay;       /* how many processes may be left */
static int must_stay;      /* how many must be left */
static int untidy;         /* files and mounts may be left, because KILL ended their owner */
static int no_screen;      /* the terminal is gone */
static int no_phases;      /* the event changes them */
static int may_fail;       /* 125, with a line */
static int pid_file_ours = 1;
static int halted;         /* STOP was sent to a process */
static int dead;           /* KILL was sent to COMMAND or to a process above it */
static int may_have_group; /* nsinit may have found no terminal */

static void only(int status)
{
	statuses[RIGHT] = statuses[0] = 0;
	statuses[status] = 1;
}

/* COMMAND may end before it handles what has been sent. */
static void nothing_is_sure(void)
{
	memset(least, 0, sizeof least);
	memset(mate_least, 0, sizeof mate_least);
}

static int at_work(void)
{
	return !asked && !dead && !is('P') && !is_over();
}

/* CONT discards a pending stop signal, and a stop signal discards a pending CONT (signal(7)). */
static void no_stop_is_sure(void)
{
	least[SIGTSTP] = mate_least[SIGTSTP] = 0;
}

/* Whether one of nsinit's processes has not taken SIG yet. The kernel merges another one with it.
 */
static int is_pending(int sig)
{
	char path[64], text[4096], *pending;
	ssize_t length;
	int fd, i;

	for (i = 0; i < known; i++) {
		snprintf(path, sizeof path, "/proc/%u/status", processes[i].pid);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd == -1)
			continue;
		length = read(fd, text, sizeof text - 1);
		close(fd);
		text[length > 0 ? length : 0] = '\0';
		pending = strstr(text, "ShdPnd:");
		if (pending && strtoull(pending + strlen("ShdPnd:"), NULL, 16) & sig_bit(sig))
			return 1;
	}
	return 0;
}

/* Record that SIG was sent to COMMAND, and if GROUP to the rest of its group. */
static void expect(int sig, int group)
{
	if (at_work() && !least[sig] && !most[sig])
		least[sig] = 1;
	else if (at_work() && (sig >= 32 || (got[sig] == most[sig] && !is_pending(sig))))
		least[sig]++; /* the previous one is no longer pending */
	most[sig]++;
	if (sig == SIGCONT)
		no_stop_is_sure();
	if (sig == SIGTSTP)
		least[SIGCONT] = mate_least[SIGCONT] = 0;
	if (!group)
		return;
	if (at_work() && has_mate && !mate_least[sig])
		mate_least[sig] = 1;
	mate_most[sig]++;
}

static void continued(void)
{
	most[SIGCONT] = mate_most[SIGCONT] = NO_COUNT;
}

/* --- events --- */

struct event {
	const char *name;
	int (*happen)(const struct event *); /* returns whether it could */
	int arg, arg2;
	const char *needs, *not_with;
	int neutral; /* it does not change the phase */
};

static int is_group_signalled(void)
{
	return !is('c') && (!is('T') || is('g'));
}

static int send_it(const struct event *e)
{
	int sig = e->arg;

	if (is_over() || !known)
		return 0;
	if (is('P') && sig == SIGTERM)
		nothing_is_sure();
	if (is('s') && sig == SIGTSTP) {
		most[sig]++;
		mate_most[sig]++;
	} else {
		expect(sig, sig < 32 && is_group_signalled());
	}
	if ((is('t') && sig == SIGTERM) || sig == SIGTSTP)
		continued();
	return send_one(processes[0].pid, sig) == 0;
}

static int send_twice(const struct event *e)
{
	if (!ready && !send_it(e))
		return 0;
	return send_it(e);
}

/*
 * The whole of nsinit's process group. The kernel merges no realtime signals. These have the number
 * of those that are sent to nsinit alone, and are counted as GROUPS, because they have no value.
 */
static int send_group(const struct event *e)
{
	pid_t group = known && !is_over() ? getpgid((pid_t)processes[0].pid) : 0;

	if (group <= 0)
		return 0;
	expect(GROUPS, is_group_signalled());
	/* nsinit forwards it although COMMAND's group is the same, and so does an inner process
	 * that has not left that group yet. */
	if (is('T') && !is('g')) {
		most[GROUPS] += is('i') ? 2 : 1;
		mate_most[GROUPS]++;
	}
	return kill(-group, e->arg) == 0;
}

enum target { OUTER, INNER, THE_COMMAND };

static pid_t first_child(pid_t pid)
{
	pid_t child;

	return pid && children_of(pid, &child, 1) ? child : 0;
}

static int is_elsewhere(pid_t pid)
{
	char path[64];
	struct stat ours, its;

	snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
	return stat("/proc/self/ns/pid", &ours) == 0 && stat(path, &its) == 0 &&
	       ours.st_ino != its.st_ino;
}

static pid_t find(enum target target)
{
	pid_t pid = known ? (pid_t)processes[0].pid : 0;

	if (target == THE_COMMAND && command_pid)
		return lives((uint32_t)command_pid) ? command_pid : 0;
	if (target >= INNER && is('i')) {
		pid = first_child(pid);
		/* A short-lived child of the outer process comes first with --export-proc. At the
		 * end a daemon may be the only child. */
		if (pid && (!is_nsinit((uint32_t)pid) || (is('p') && !is_elsewhere(pid))))
			return 0;
	}
	if (target == THE_COMMAND)
		pid = first_child(pid);
	return pid && lives((uint32_t)pid) ? pid : 0;
}

static int kill_it(const struct event *e)
{
	pid_t pid = find((enum target)e->arg);

	if (!pid)
		return 0;
	nothing_is_sure();
	no_phases = 1;
	dead = 1;
	if (e->arg == OUTER) {
		only(128 + SIGKILL);
		untidy = 1;
		if (!is('i') && !is('1'))
			may_stay += 2; /* COMMAND and its mate */
		continued();           /* the death signal of an inner process may be a CONT */
		if (is('k'))
			most[SIGTERM] = mate_most[SIGTERM] = NO_COUNT;
	} else if (asked || is('L')) {
		/*
		 * It may have ended already, or be the process that gets the terminal at the end.
		 */
		statuses[128 + SIGKILL] = 1;
	} else {
		only(128 + SIGKILL);
	}
	if (e->arg != OUTER && is('t'))
		continued();
	return kill(pid, SIGKILL) == 0;
}

static int stop_it(const struct event *e)
{
	pid_t pid = find((enum target)e->arg);

	if (!pid)
		return 0;
	continued();
	no_stop_is_sure();
	no_phases = 1;
	halted = 1;
	return kill(pid, SIGSTOP) == 0 && (!e->arg2 || kill(pid, SIGCONT) == 0);
}

/* The effect of the session leader's end: HUP and CONT to the foreground group. */
static int lose_caller(const struct event *e)
{
	(void)e;
	if (!lives((uint32_t)caller))
		return 0;
	if (is('T')) {
		expect(SIGHUP, 1);
		continued();
		no_stop_is_sure();
		no_screen = 1;
		may_have_group |= !ready;
	}
	return kill(caller, SIGKILL) == 0;
}

static int order(const struct event *e)
{
	char what = (char)e->arg;

	if (asked || is_over())
		return 0;
	if (what == 'D') {
		nothing_is_sure();
		asked = 1;
		if (!is('p') && !is('t')) {
			may_stay++;
			must_stay += !may_fail; /* otherwise no process may be left for it */
		}
		if (is('t'))
			continued();
	}
	return send(talk[0], &what, 1, MSG_NOSIGNAL) == 1;
}

/* A process in the namespace whose parent is outside. */
static int join(const struct event *e)
{
	pid_t target = is('1') ? find(OUTER) : find(INNER), pid, joined;
	int pidfd;

	(void)e;
	if (!target || !is_elsewhere(target))
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, target, 0);
	if (pidfd == -1 || (pid = fork()) == -1)
		return 0;
	if (pid == 0) {
		/* With another open master, no hang-up would follow. */
		close(master);
		close(slave);
		if (setns(pidfd, CLONE_NEWPID) == -1)
			_exit(0);
		joined = fork();
		if (joined == 0)
			for (;;)
				pause();
		waitpid(joined, NULL, 0);
		_exit(0);
	}
	close(pidfd);
	return 1;
}

/*
 * Return whether a process that nsinit is responsible for is in the foreground. While a leader
 * hands the terminal over there is none, or a process that ends at once. A key that is pressed then
 * is lost.
 */
static int has_foreground(void)
{
	pid_t group = 0;
	int members = find_family(), i;

	if (syscall(SYS_ioctl, master, TIOCGPGRP, &group) == -1 || group <= 0)
		return 0;
	for (i = 0; i < members; i++)
		if (family[i].state != 'Z' && getpgid(family[i].pid) == group &&
		    (is('T') || getsid(family[i].pid) == family[i].pid))
			return 1;
	return 0;
}

/* The kernel signals the group some time after the write, and echoes the key after that. */
static int type(const struct event *e)
{
	struct pollfd echo = {master, POLLIN, 0};
	char key = (char)e->arg, text[64];

	if (master == -1 || is_over())
		return 0;
	if (is('P') && e->arg2 == SIGINT)
		nothing_is_sure();
	else if (has_foreground())
		expect(e->arg2, 1);
	else
		most[e->arg2]++, mate_most[e->arg2]++;
	if (e->arg2 == SIGTSTP)
		continued();
	if (write(master, &key, 1) != 1)
		return 0;
	if (poll(&echo, 1, 5000) != 1 || read(master, text, sizeof text) < 1)
		wrong("has a terminal without an echo");
	return 1;
}

static int hang_up(const struct event *e)
{
	(void)e;
	if (master == -1 || is_over())
		return 0;
	if (has_foreground())
		expect(SIGHUP, 1);
	else
		most[SIGHUP]++, mate_most[SIGHUP]++;
	if (is('L')) {
		mate_least[SIGHUP] = 0; /* the kernel sends it only to the leader */
		least[SIGHUP] = 0;
	}
	continued();
	no_stop_is_sure();
	no_screen = 1;
	may_have_group |= !ready;
	close(slave);
	close(master);
	master = -1;
	return 1;
}

static int lose_reader(const struct event *e)
{
	(void)e;
	read_errors();
	if (log_pipe[0] == -1)
		return 0;
	close(log_pipe[0]);
	log_pipe[0] = -1;
	return 1;
}

/* The call that removes the file is too late for this event, since no call removes a file by its
 * inode. */
static int replace_pid_file(const struct event *e)
{
	int fd, late = 0, i;

	(void)e;
	for (i = 0; i < known; i++)
		late |= processes[i].held &&
			strncmp(calls[processes[i].held_call].name, "unlink", 6) == 0;
	if (access("pid", F_OK) == -1)
		return 0;
	if ((fd = open("other", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644)) == -1)
		return 0;
	if (write(fd, "other\n", 6) != 6)
		fail("other");
	close(fd);
	pid_file_ours = late ? -1 : 0;
	return rename("other", "pid") == 0;
}

static int limit_processes(const struct event *e)
{
	(void)e;
	if (!cgroup)
		return 0;
	write_to("pids.max", "1");
	may_fail = 1;
	no_phases = 1;
	if (!ready) {
		nothing_is_sure();
		must_stay = 0; /* COMMAND may not be able to create a daemon */
	}
	return 1;
}

static const struct event events[] = {
    {"TERM", send_it, SIGTERM, 0, "", "", 0},
    {"HUP", send_it, SIGHUP, 0, "", "", 1},
    {"USR2", send_it, SIGUSR2, 0, "", "", 1},
    {"TSTP", send_it, SIGTSTP, 0, "", "", 1},
    {"CONT", send_it, SIGCONT, 0, "", "", 1},
    {"realtime", send_it, REALTIME, 0, "", "", 1},
    {"group", send_group, REALTIME, 0, "", "", 1},
    {"TERM-again", send_twice, SIGTERM, 0, "", "P", 0},
    {"kill-command", kill_it, THE_COMMAND, 0, "", "P", 0},
    {"stop-command", stop_it, THE_COMMAND, 0, "", "P", 0},
    {"stop-cont-command", stop_it, THE_COMMAND, 1, "", "P", 0},
    {"kill-inner", kill_it, INNER, 0, "i", "", 0},
    {"stop-inner", stop_it, INNER, 0, "i", "", 0},
    {"stop-cont-inner", stop_it, INNER, 1, "i", "", 0},
    {"kill-outer", kill_it, OUTER, 0, "", "", 0},
    {"stop-outer", stop_it, OUTER, 0, "", "", 0},
    {"stop-cont-outer", stop_it, OUTER, 1, "", "", 0},
    {"caller-dies", lose_caller, 0, 0, "", "", 1},
    {"daemonise", order, 'D', 0, "", "P", 1},
    {"orphan", order, 'O', 0, "", "P", 1},
    {"join", join, 0, 0, "p", "", 1},
    {"C-c", type, 3, SIGINT, "TL", "", 1},
    {"C-z", type, 26, SIGTSTP, "TL", "", 1},
    {"C-backslash", type, 28, SIGQUIT, "TL", "", 1},
    {"hang-up", hang_up, 0, 0, "TL", "", 1},
    {"no-reader", lose_reader, 0, 0, "", "", 0},
    {"pid-file", replace_pid_file, 0, 0, "f", "", 1},
    {"pids-max", limit_processes, 0, 0, "", "", 0},
};
enum { EVENTS = sizeof events / sizeof *events };

/* An event with letters happens only if FLAGS contain one of them. */
static int is_possible(const struct event *e)
{
	return (!*e->needs || strpbrk(flags, e->needs)) && !strpbrk(flags, e->not_with);
}

/* --- the run --- */

/* Continue a held process. Return whether there was one. */
static int let_happen(void)
{
	struct moment *m;
	struct process *p;

	for (m = moments; m < moments + moment_count; m++) {
		if (!m->came || m->done)
			continue;
		p = &processes[m->process];
		if (m->event->happen(m->event)) {
			m->done = 1;
			if (!m->event->neutral)
				no_phases = 1;
		} else {
			m->done = -1;
		}
		settle();
		if (syscall(SYS_ioctl, listener, _IOW('!', 2, uint64_t), &p->held) == -1)
			p->interrupted = p->held_call + 1;
		watch_answer(listener, p->held, 0);
		p->held = 0;
		return 1;
	}
	return 0;
}

/* Continue every stopped process, as a shell's fg does. */
static int resume(void)
{
	int members = find_family(), i, n = 0;
	pid_t group = 0;

	for (i = 0; i < members; i++) {
		if (family[i].state != 'T')
			continue;
		n++;
		if (is('T') && known && family[i].pid == (pid_t)processes[0].pid)
			group = family[i].pid;
		else
			kill(family[i].pid, SIGCONT);
	}
	if (group)
		kill(-group, SIGCONT);
	if (n) {
		no_stop_is_sure();
		continued();
	}
	return n;
}

static int has_zombie(void)
{
	int members = find_family(), i, j;

	for (i = 0; i < members; i++)
		for (j = 0; j < known && family[i].state == 'Z'; j++)
			if (family[i].parent == (pid_t)processes[j].pid && lives(processes[j].pid))
				return 1;
	return 0;
}

/*
 * The kernel reaps the processes of a namespace that ends, and no other condition waits for this.
 */
static void look_for_zombies(void)
{
	int64_t end = now() + 2000;

	while (has_zombie())
		if (!serve(1) && now() > end) {
			wrong("leaves a zombie");
			return;
		}
}

/* Wait until nothing happens any more. */
static void go_on(void)
{
	do
		settle();
	while (!hung && (let_happen() || resume()));
}

static void tell_what_hangs(void)
{
	int members = find_family(), i, j;

	for (i = 0; i < members; i++) {
		for (j = 0; j < known && processes[j].pid != (uint32_t)family[i].pid; j++)
			;
		printf("  PID %d is %c, a child of %d", family[i].pid, family[i].state,
		    family[i].parent);
		printf(j < known ? ", process %d\n" : "%.0d\n", j < known ? j : 0);
	}
}

static void kill_all(void)
{
	int members = find_family(), i;

	for (i = members - 1; i >= 0; i--)
		kill(family[i].pid, SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

/* While COMMAND runs: the pid file must have its PID. */
static void judge_pid_file(void)
{
	char text[32], wanted[32];

	if (!is('f') || !ready || dead || asked || is_over() || pid_file_ours != 1)
		return;
	snprintf(wanted, sizeof wanted, "%d\n", (int)command_pid);
	read_file("pid", text, sizeof text);
	if (strcmp(text, wanted) != 0)
		wrong("has \"%s\" in its pid file, not %d", text, (int)command_pid);
}

static void run(void)
{
	char bye = 'X';

	go_on();
	if (!hung && !is('P') && !ready && !is_over() && !may_fail && !asked && !dead) {
		wrong("never starts COMMAND");
		tell_what_hangs();
	}
	judge_pid_file();
	if (!asked && !is_over())
		look_for_zombies();
	if (!hung && !is('P') && !is_over()) {
		expect(SIGUSR1, is_group_signalled());
		send_one(processes[0].pid, SIGUSR1);
		go_on();
	}
	asked = 1;
	if (!hung && !is('P'))
		send(talk[0], &bye, 1, MSG_NOSIGNAL);
	if (!hung && is('P') && !is_over())
		send_one(processes[0].pid, SIGTERM);
	while (!hung && !is_over()) {
		go_on();
		if (is_over())
			break;
		/* A deadline may be pending: that of --kill-child, or the wait for a process that
		 * joined. */
		serve(5);
		hung |= now() > deadline;
	}
	go_on();
}

/* nsinit is our child if its caller has died. */
static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == shared->nsinit) {
			shared->status = status;
			shared->ended = 1;
		}
}

/* Wait for what takes a moment after the end: the end of a namespace, or of an inner process whose
 * outer one is gone. */
static int left_over(void)
{
	int members = 0, i, left = 0;
	int64_t end = now() + 6000;

	do {
		while (serve(1))
			;
		resume();
		reap();
		members = find_family();
		for (left = 0, i = 0; i < members; i++)
			left += family[i].state && !strchr("ZX", family[i].state) &&
				family[i].pid != caller;
	} while (left > may_stay && now() < end);
	return left;
}

static int end_status(void)
{
	int status = shared->status;

	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void judge_signals(const char *who, const int *n, const int *low, const int *high)
{
	int sig;

	for (sig = 1; sig <= SIGNALS; sig++)
		if (n[sig] < low[sig])
			wrong("%s lacks signal %d: %d, at least %d", who, sig, n[sig], low[sig]);
		else if (n[sig] > high[sig])
			wrong("%s has signal %d too often: %d, at most %d", who, sig, n[sig],
			    high[sig]);
}

/*
 * Collect the changes of phase in the log: first those of the inner or only process, then those of
 * the outer one. RUNNING -> HUNG_UP -> OVER counts as RUNNING -> OVER: whether the outer process
 * learns of the hang-up before it learns of the end is a matter of chance.
 */
static void judge_phases(void)
{
	char seen[4096], wanted[4096], copy[sizeof said], *line, *rest, *hung_up;
	size_t used;
	int outer, fd;

	seen[0] = '\0';
	for (outer = 0; outer < 2; outer++) {
		memcpy(copy, said, sizeof copy);
		for (line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
			used = strlen(seen);
			if (strstr(line, "-> HUNG_UP"))
				continue;
			if ((hung_up = strstr(line, "HUNG_UP")))
				memcpy(hung_up, "RUNNING", sizeof "RUNNING" - 1);
			if (strstr(line, "phase ") && !strstr(line, "outer: ") == !outer)
				snprintf(seen + used, sizeof seen - used, "%s\n", line);
		}
	}
	if (baseline) {
		fd = open("phases", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
		if (fd == -1 || write(fd, seen, strlen(seen)) == -1)
			fail("phases");
		close(fd);
		return;
	}
	if (no_phases || log_pipe[0] == -1 || !read_file("phases", wanted, sizeof wanted))
		return;
	if (strcmp(seen, wanted) != 0)
		wrong("has other phases");
}

static void judge_files(void)
{
	char text[32];

	if (untidy)
		return;
	if (access("made", F_OK) == 0)
		wrong("leaves a directory");
	if (!is('f'))
		return;
	if (pid_file_ours == 1 && access("pid", F_OK) == 0)
		wrong("leaves its pid file");
	if (pid_file_ours == 0 &&
	    (!read_file("pid", text, sizeof text) || strcmp(text, "other\n") != 0))
		wrong("removes another's pid file");
}

static char mounts_before[65536], mounts_after[65536];

static void judge_mounts(void)
{
	char *line, *rest;

	read_file("/proc/self/mountinfo", mounts_after, sizeof mounts_after);
	if (untidy)
		return;
	for (line = strtok_r(mounts_after, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (!strstr(mounts_before, line))
			wrong("leaves a mount: %s", line);
}

/* What follows from several events together, whatever their order. */
static void relax(void)
{
	/* The CONT of a stop discards a stop signal that COMMAND has not taken yet. */
	if (is('t') && most[SIGTERM])
		no_stop_is_sure();
	/* These two may reach COMMAND in the other order, and then CONT is discarded. */
	if (is('g') && is('i') && most[SIGTSTP])
		least[SIGCONT] = mate_least[SIGCONT] = 0;
	/* The kernel sends HUP and CONT to a stopped group that has lost its parent. If that is
	 * nsinit's, COMMAND gets the terminal's as well. It also sends HUP to the foreground group
	 * when the leader of the session ends. */
	if ((dead && (halted || is('L'))) || (!lives((uint32_t)caller) && halted))
		most[SIGHUP] = mate_most[SIGHUP] = NO_COUNT;
}

static void judge(void)
{
	int status, left, i;

	if (hung) {
		wrong("hangs");
		tell_what_hangs();
		return;
	}
	left = left_over();
	read_errors();
	read_talk();
	status = end_status();
	if (!statuses[status] &&
	    !(may_fail && status == 125 && (strstr(said, "nsinit: cannot ") || log_pipe[0] == -1)))
		wrong("ends with %d", status);
	if (status == 125)
		nothing_is_sure();
	if (left > may_stay)
		wrong("leaves %d processes", left);
	if (left < must_stay && status == RIGHT)
		wrong("ends a daemon that is not its own");
	for (i = 1; may_have_group && i < 32; i++)
		mate_most[i] = most[i] > mate_most[i] ? most[i] : mate_most[i];
	relax();
	judge_signals("COMMAND", got, least, most);
	judge_signals("the rest of the group", mate_got, mate_least, mate_most);
	if (wrong_value)
		wrong("loses the value of a signal");
	if (is('T') && !no_screen && !shared->ended)
		wrong("its caller has not seen the end");
	if (is('T') && !no_screen && !untidy && shared->foreground != shared->nsinit)
		wrong("leaves the foreground to group %d", shared->foreground);
	judge_phases();
	judge_files();
	judge_mounts();
}

static void add_moment(char *text)
{
	struct moment *m = &moments[moment_count++];
	int i;

	if (moment_count > MOMENTS)
		_exit(98);
	m->name = strtok(text, "@");
	for (i = 0; i < EVENTS && strcmp(events[i].name, m->name) != 0; i++)
		;
	if (i == EVENTS) {
		fprintf(stderr, "moment: no such event: %s\n", m->name);
		_exit(98);
	}
	m->event = &events[i];
	m->process = (int)number(strtok(NULL, ":"), 0, PROCESSES - 1);
	m->call = strtok(NULL, ":");
	m->at = index_of(call_number(m->call, strlen(m->call)));
	m->n = (int)number(strtok(NULL, ":"), 1, 1 << 20);
}

/* Whether -L asks for the names of the events, and -t's limit in seconds. */
static bool listing;
static int64_t limit = 20;
/* The program that COMMAND is: this one, or -c's. */
static char self[256];

/* Read the options. Returns false if they are wrong. */
static bool read_options(int argc, char **argv)
{
	int opt;

	while ((opt = getopt(argc, argv, "+x:f:e:g:t:c:L")) != -1) {
		switch (opt) {
		case 'x':
			if (stat(optarg, &program) == -1)
				fail(optarg);
			break;
		case 'f':
			flags = optarg;
			break;
		case 'e':
			add_moment(optarg);
			break;
		case 'g':
			cgroup = optarg;
			break;
		case 't':
			limit = number(optarg, 1, 1000);
			break;
		case 'c':
			snprintf(self, sizeof self, "%s", optarg);
			break;
		case 'L':
			listing = true;
			break;
		default:
			return false;
		}
	}
	return listing || (optind < argc && argc - optind <= 28);
}

static int list_events(void)
{
	for (int i = 0; i < EVENTS; i++)
		if (is_possible(&events[i]))
			puts(events[i].name);
	return 0;
}

/* Fill ARGS with nsinit's command line: WORDS, and this program as COMMAND. */
static void make_args(char **args, char **words)
{
	static char name[] = "COMMAND";

	if (!*self) {
		ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

		self[length > 0 ? length : 0] = '\0';
	}
	while (*words)
		*args++ = *words++;
	if (!is('P')) {
		*args++ = self;
		*args++ = name;
	}
	*args = NULL;
}

static void prepare(void)
{
	baseline = moment_count == 0;
	setvbuf(stdout, NULL, _IOFBF, 65536);
	statuses[is('P') ? 0 : RIGHT] = 1;
	shared =
	    mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED || prctl(PR_SET_CHILD_SUBREAPER, 1L) == -1 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, talk) == -1 ||
	    setsockopt(talk[0], SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)) == -1 ||
	    pipe2(log_pipe, O_CLOEXEC) == -1 || fcntl(log_pipe[0], F_SETFL, O_NONBLOCK) == -1)
		fail("start");
	read_file("/proc/self/mountinfo", mounts_before, sizeof mounts_before);
	if (cgroup)
		write_to("pids.max", "max");
	if (is('T') || is('L'))
		open_terminal();
}

/* Report the result. Returns the status: 1 for a fault, 3 if the moment never came, 4 if the event
 * was not possible. */
static int conclude(void)
{
	int result = 0;

	for (int i = 0; i < moment_count; i++) {
		if (!moments[i].came && result < 3)
			result = 3;
		else if (moments[i].done < 0)
			result = 4;
	}
	if (!faults)
		return result;
	read_errors();
	if (!baseline)
		printf("  stderr: %s\n", said);
	return 1;
}

int main(int argc, char **argv)
{
	char *args[32];

	if (argc == 2 && strcmp(argv[1], "COMMAND") == 0)
		command();
	if (!read_options(argc, argv))
		return 98;
	if (listing)
		return list_events();
	make_args(args, argv + optind);
	prepare();
	deadline = now() + limit * 1000;
	caller = watch(&listener, call, args);
	run();
	judge();
	kill_all();
	return conclude();
}
