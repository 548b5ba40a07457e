/*
 * nsinit: hold signals, parse, enter namespaces, adopt, start, supervise, end.
 *
 * One supervising loop runs at either level: around COMMAND, and around the inner nsinit that runs
 * COMMAND in new namespaces.
 */
#include <sys/socket.h>
#include <time.h>

#include "child.h"
#include "files.h"
#include "kernel.h"
#include "log.h"
#include "memory.h"
#include "namespace.h"
#include "options.h"
#include "reaper.h"
#include "shutdown.h"
#include "signals.h"
#include "terminal.h"

enum role {
	ALONE, /* runs COMMAND, no new namespace */
	OUTER, /* stays outside, and supervises the inner one */
	INNER  /* runs COMMAND, in new namespaces */
};

enum due {
	NOTHING_DUE,
	KILL_DUE,    /* the grace is over */
	GIVE_UP_DUE, /* what KILL has not ended by then, the kernel cannot kill */
	TELL_DUE     /* the namespace takes long to end */
};

/* ms: that the last two are waited for; the graces unless given */
enum { LINGER = 1000, MACHINE_GRACE = 3000, KILL_CHILD_GRACE = 3000 };

struct level {
	const struct options *opt;
	struct inherited inherited;
	struct terminal terminal;
	struct mounted mounted;
	struct pid_file pid_file;
	struct reaper reaper;
	struct child child; /* COMMAND, or the inner nsinit */
	struct caller ids;
	pid_t caller;       /* the PID that nsinit was started with */
	pid_t command;      /* COMMAND's PID as this level sees it, where it is known */
	enum role role;
	int sockets[2];   /* the outer's end and the inner's */
	int peer;         /* this level's end, -1 once the other one is gone */
	int64_t grace;    /* for what COMMAND leaves behind */
	int64_t deadline; /* ms of CLOCK_MONOTONIC */
	enum due due;
	int told;    /* the TSTP, TTIN or TTOU that came since the last CONT, or 0 */
	int stopped; /* what COMMAND was stopped by, or 0 */
	bool ended;  /* COMMAND has, and STATUS is its wait status */
	bool done;
	bool machine; /* its end is the machine's */
	bool denied;  /* processes are left that we may not signal */
	int status;
	sigmask early; /* of the terminal's: what was pending before COMMAND was started */
};

/*
 * What the inner level tells the outer one: each wait status of COMMAND's, and COMMAND_RUNS. Before
 * that COMMAND itself sends a byte, to which the kernel adds its PID, translated (SO_PASSCRED).
 * Nobody else could name it where the ids of a user namespace are not mapped. The other way round
 * any note says that a stop signal of the terminal's has come.
 */
enum { COMMAND_RUNS = -1 };

static void tell(const struct level *l, int note)
{
	if (l->role != ALONE && l->peer >= 0 &&
	    send(l->peer, &note, sizeof(note), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && errno != EPIPE)
		say(ALWAYS, "cannot tell the other nsinit: %m");
}

static int64_t now(void)
{
	long t[2];

	/* Not by the vdso: for a call or two in a life it would only be pages more to map. */
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, t);
	return (int64_t)t[0] * 1000 + t[1] / 1000000;
}

static void arm(struct level *l, enum due due, int64_t ms)
{
	l->due = ms == GRACE_FOREVER ? NOTHING_DUE : due;
	l->deadline = now() + (ms == GRACE_FOREVER ? 0 : ms);
}

/* For poll(2): ms until the deadline, for ever without one. */
static int time_left(const struct level *l)
{
	int64_t left;

	if (l->due == NOTHING_DUE)
		return -1;
	left = l->deadline - now();
	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/*
 * nsinit stops as COMMAND does, where it was told to as well, or where a shell would see COMMAND
 * stop. PID 1 of a namespace can't be stopped from inside: the outer one does it.
 */
static void stop_with_command(struct level *l)
{
	int sig = l->told ? l->told : l->stopped;
	bool group = l->terminal.role == OWN_GROUP && sig != SIGSTOP;

	if (!l->stopped || l->role == INNER || l->caller == 1 ||
	    (!l->told && !group && !terminal_is_watched(&l->terminal)))
		return;
	say(VERBOSE, "stopped with COMMAND");
	/* A group that no shell watches ignores TSTP, TTIN and TTOU. */
	signal_suspend(l->terminal.role == NO_TERMINAL ? SIGSTOP : sig, group);
	say(VERBOSE, "resumed");
	l->told = l->stopped = 0;
}

/* Whether an inner nsinit that exits with STATUS can only have it from COMMAND. */
static bool is_commands(int status)
{
	return WIFEXITED(status) &&
	       (WEXITSTATUS(status) < STATUS_FAILED || WEXITSTATUS(status) > STATUS_NOTFOUND);
}

/* What a wait status says of COMMAND. */
static void take_status(struct level *l, int status)
{
	l->stopped = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		l->ended = true;
		l->status = status;
	}
}

static void on_command_end(struct level *l, int status)
{
	siginfo_t term = {.si_signo = SIGTERM, .si_code = SI_USER};
	/* With --kill-child=SIG a clock runs without a grace, too. */
	bool at_once = l->grace == GRACE_NONE && l->due == NOTHING_DUE;

	take_status(l, status);
	say(VERBOSE, "COMMAND has ended: status %d", reaper_exit_status(status));
	if (l->machine)
		shutdown_announce(l->opt->on_exit, reaper_exit_status(status));
	/* Else it is told by our own end: one wakeup less. */
	if (!at_once || !is_commands(status))
		tell(l, status);
	reaper_resume(&l->reaper);
	if (l->opt->end_group && l->child.pid && !signal_pass(&l->child, true, &term))
		shutdown_signal_group(l->child.pid, SIGTERM);
	l->done = at_once;
	if (at_once || l->due == GIVE_UP_DUE)
		return;
	shutdown_signal(SIGTERM);
	l->denied = shutdown_is_denied();
	if (l->due == NOTHING_DUE)
		arm(l, KILL_DUE, l->grace);
}

static void stop_by(struct level *l, int64_t grace)
{
	if (l->due == NOTHING_DUE && !l->ended && grace != GRACE_NONE)
		arm(l, KILL_DUE, grace);
}

static bool group_is_meant(const struct level *l)
{
	return l->role != OUTER && !l->opt->single && l->terminal.role != BELOW_SHELL;
}

/* To COMMAND or its group, or to the inner nsinit, which sees to the rest. */
static void pass(struct level *l, siginfo_t *info)
{
	const struct options *opt = l->opt;
	bool group = group_is_meant(l);
	int sig = info->si_signo, to = sig;
	char from_name[12], to_name[12];

	if (l->role != OUTER) {
		if (opt->rewritten & SIGBIT(sig))
			to = opt->renamed[sig];
		else if (opt->suspend && group && SIGBIT(sig) & STOPS)
			to = SIGSTOP;
		if (to && opt->stop & SIGBIT(sig))
			stop_by(l, opt->grace);
	}
	if (log_to.level >= VERBOSE) /* the names lie where memory_release() has let go */
		say(VERBOSE, "signal %s%s%s", signal_name(sig, from_name),
		    to ? " is passed on as " : " is dropped", to ? signal_name(to, to_name) : "");
	if (!to)
		return;
	info->si_signo = to;
	if (!signal_pass(&l->child, group, info))
		shutdown_signal_group(l->child.pid, to);
}

/* The terminal has sent COMMAND a stop signal: the level that runs it keeps the clock. */
static void on_asked(struct level *l)
{
	if (l->role == OUTER)
		tell(l, 0);
	else
		stop_by(l, l->opt->grace);
}

static void on_signal(struct level *l, siginfo_t *info)
{
	int sig = info->si_signo;
	bool from_kernel = info->si_code == SI_KERNEL && !(l->early & SIGBIT(sig));

	l->early &= ~SIGBIT(sig);
	if (sig == SIGCHLD || signal_is_own(info))
		return;
	if (SIGBIT(sig) & STOPS)
		l->told = sig;
	if (sig == SIGCONT) {
		l->told = l->stopped = 0;
		l->early &= ~STOPS; /* these went when it came */
		if (l->role != INNER)
			terminal_lend(&l->terminal, l->command);
	}
	if (l->opt->pause && l->role != OUTER) {
		if (!l->ended && (l->opt->stop | SIGBIT(SIGTERM) | SIGBIT(SIGINT)) & SIGBIT(sig))
			on_command_end(l, 0);
		return;
	}
	/* COMMAND is in the same group, and had it from the kernel. */
	if (l->opt->pause ||
	    !(from_kernel && l->terminal.role == BELOW_SHELL && SIGBIT(sig) & FROM_TERMINAL))
		pass(l, info);
	else if (l->opt->stop & SIGBIT(sig))
		on_asked(l);
	/* NOLINTNEXTLINE(clang-analyzer-core.Undefined*): a signal's number is above 0. */
	if (l->opt->suspend && !from_kernel && SIGBIT(sig) & STOPS)
		l->stopped = sig;
	stop_with_command(l);
}

static void on_signals(struct level *l)
{
	siginfo_t info;

	/* Not without an end: children and deadlines have their turn in a flood, too. */
	for (int i = 0; i < 64 && signals_take(SIG_EVERY, &info); i++)
		on_signal(l, &info);
}

/* By nsinit itself: -r speaks of what it was sent. Whether there is a COMMAND to take it. */
static bool signal_command(const struct level *l, int sig)
{
	siginfo_t info = {.si_signo = sig, .si_code = SI_USER};

	if (!l->child.pid || l->ended)
		return false;
	signal_pass(&l->child, group_is_meant(l), &info);
	return true;
}

static void kill_all(struct level *l)
{
	shutdown_signal(SIGKILL);
	/* Where /proc is not of our own PID namespace no descendant was found. */
	signal_command(l, SIGKILL);
	arm(l, GIVE_UP_DUE, LINGER);
}

/* The outer nsinit is gone, and what it made is to go with it. */
static void on_outer_gone(struct level *l)
{
	if (l->opt->kill_child && signal_command(l, l->opt->kill_child))
		stop_by(l, l->opt->grace == GRACE_NONE ? KILL_CHILD_GRACE : l->opt->grace);
	else
		kill_all(l);
}

static void on_peer(struct level *l)
{
	int note;
	struct iovec piece = {&note, sizeof(note)};
	struct {
		_Alignas(struct cmsghdr) char head[CMSG_LEN(0)];
		struct ucred who;
	} control;
	struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control};
	ssize_t n = 0;

	while (l->peer >= 0) {
		control.who.pid = 0;
		message.msg_controllen = sizeof(control);
		n = recvmsg(l->peer, &message, MSG_DONTWAIT);
		if (n <= 0)
			break;
		if (n == 1)
			l->command = control.who.pid;
		else if (n != sizeof(note) || message.msg_flags & MSG_TRUNC)
			continue; /* not by an nsinit */
		else if (l->role == INNER)
			on_asked(l);
		else if (note == COMMAND_RUNS)
			pid_file_fill(&l->pid_file, l->command);
		else
			take_status(l, note);
	}
	if (l->peer < 0 || n < 0) {
		stop_with_command(l);
		return;
	}
	l->stopped = 0; /* what has ended since sends no note */
	close(l->peer);
	l->peer = -1;
	if (l->role == INNER)
		on_outer_gone(l);
	else
		arm(l, TELL_DUE, LINGER);
}

static void on_inner_end(struct level *l, int status)
{
	on_peer(l); /* what it said last */
	l->done = true;
	if (l->ended)
		return;
	l->ended = is_commands(status);
	l->status = status;
	/* Somebody has killed it alone, and what it ran must not outlive it. */
	if (!(l->opt->namespaces & CLONE_NEWPID) && WIFSIGNALED(status))
		shutdown_signal(SIGKILL);
	/* reboot(2) in a PID namespace other than the first ends its init so, and nothing else
	 * does. */
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGHUP || WTERMSIG(status) == SIGINT))
		say(ALWAYS, "reboot(2) was called inside: %s",
		    WTERMSIG(status) == SIGHUP ? "restart" : "halt or power off");
}

/* Whether there may be more: signals and deadlines have their turn in a storm of orphans, too. */
static bool on_children(struct level *l)
{
	for (int i = 0; i < 64 && !l->done; i++) {
		struct news news = reaper_next(&l->reaper, &l->child);

		switch (news.kind) {
		case CHILD_ENDED:
			if (l->role == OUTER)
				on_inner_end(l, news.status);
			else
				on_command_end(l, news.status);
			break;
		case CHILD_CHANGED:
			if (l->role == OUTER)
				break;
			take_status(l, news.status);
			tell(l, news.status);
			stop_with_command(l);
			break;
		case ORPHAN_REAPED:
			if (news.pid)
				say(l->opt->warn ? ALWAYS : DEBUG,
				    "reaped orphan PID %d, status %d", news.pid,
				    reaper_exit_status(news.status));
			break;
		case NO_CHILDREN:
			l->done = l->ended || (l->due == GIVE_UP_DUE && !l->child.pid);
			return false;
		case NOTHING_NEW:
			return false;
		}
	}
	return true;
}

static void on_deadline(struct level *l)
{
	enum due due = l->due;

	l->due = NOTHING_DUE;
	if (due == KILL_DUE) {
		say(VERBOSE, "the grace is over: KILL to all");
		kill_all(l);
	} else if (due == TELL_DUE) {
		say(ALWAYS,
		    "waiting for the namespace to end: a process that joined it from outside "
		    "has not been reaped by its parent");
	} else {
		l->done = true;
		if (!l->ended)
			l->status = SIGKILL;
	}
}

static void supervise(struct level *l)
{
	bool more = on_children(l); /* one may have ended already */

	while (!l->done) {
		struct pollfd fds[] = {{.fd = l->reaper.signals, .events = POLLIN},
		    {.fd = l->peer, .events = POLLIN}, reaper_poll(&l->reaper, &l->child)};

		poll(fds, sizeof(fds) / sizeof(*fds), more ? 0 : time_left(l));
		if (fds[1].revents)
			on_peer(l);
		if (fds[0].revents)
			on_signals(l);
		more = on_children(l);
		if (l->due == GIVE_UP_DUE && !l->done && !more)
			shutdown_signal(SIGKILL); /* to whom a dying one has forked */
		if (l->ended && l->denied && !shutdown_signal_group(0, 0))
			l->done = true;
		if (!l->done && !time_left(l))
			on_deadline(l);
	}
}

/*
 * What a terminal sent before COMMAND was in its group reached nsinit alone: it is passed on, as if
 * somebody had sent it. To be called right before the start.
 */
static void look_for_early(struct level *l)
{
	if (l->terminal.role == BELOW_SHELL)
		l->early = signals_pending() & FROM_TERMINAL;
}

/*
 * What this level keeps open. PID 1 keeps its standard files: /proc/1/fd/1 is how programs in a
 * container write to its log. The inner process keeps nothing else that COMMAND does not have.
 */
static struct keep to_keep(const struct level *l)
{
	struct keep keep = {.standard = getpid() == 1, .count = 2};

	keep.fds[0] = l->reaper.signals;
	keep.fds[1] = l->peer;
	if (l->role == INNER)
		return keep;
	keep.fds[keep.count++] = l->pid_file.fd;
	keep.fds[keep.count++] = l->mounted.point;
	if (terminal_is_kept(&l->terminal))
		keep.fds[keep.count++] = l->terminal.fd;
	return keep;
}

/* From here on errors are logged, and nsinit carries on: the end of PID 1 is the end of all. */
static int watch_over(struct level *l)
{
	log_to.nowait = true;
	/* The first that is linked behind what is needed now. */
	memory_release((uintptr_t)child_clone);
	supervise(l);
	return reaper_exit_status(l->status);
}

static int run_command(struct level *l)
{
	struct start start = {.opt = l->opt,
	    .inherited = &l->inherited,
	    .terminal = &l->terminal,
	    .caller = l->caller,
	    .peer = -1,
	    .keep = to_keep(l)};

	if (l->opt->directory && chdir(l->opt->directory)) {
		say(ALWAYS, "cannot enter %s: %m", l->opt->directory);
		return STATUS_FAILED;
	}
	reaper_adopt(l->role == INNER ? getpid() : l->caller);
	look_for_early(l);
	/* The outer one has no other way to know COMMAND's PID. */
	if (l->role == INNER && (l->opt->pid_file || terminal_is_kept(&l->terminal)))
		start.peer = l->peer;
	if (l->opt->pause) {
		files_release(&start.keep);
	} else {
		if (child_start(&l->child, &start))
			return start.status;
		log_to.nowait = true;
		say(VERBOSE, "started %s as PID %d", l->opt->command[0], l->child.pid);
		l->command = l->child.pid;
		pid_file_fill(&l->pid_file, l->command);
		if (start.peer >= 0)
			tell(l, COMMAND_RUNS);
	}
	if (l->terminal.role == BELOW_SHELL && l->role == INNER)
		setpgid(0, 0); /* or what a shell sends to its job would come once more */
	if (l->role == ALONE && l->caller == 1) {
		reaper_delegate(&l->reaper, l->opt->pause ? NULL : &l->child, l->opt);
		signals_hurry();
	}
	return watch_over(l);
}

/* PDEATHSIG comes at once, but is lost with a change of credentials; the socket is not. */
static int run_inner(void *arg)
{
	struct level *l = arg;
	bool gently = l->opt->kill_child || !(l->opt->namespaces & CLONE_NEWPID);
	struct pollfd outer = {.fd = l->sockets[1]};

	l->role = INNER;
	l->machine = false;
	l->peer = outer.fd;
	l->pid_file.fd = -1;
	close(l->sockets[0]);
	/* Two processes that share a signalfd could change what the other one receives. */
	l->reaper.signals = signals_watch(-1, true);
	if (l->reaper.signals < 0) {
		say(ALWAYS, "cannot wait for signals: %m");
		_exit(STATUS_FAILED);
	}
	/* CONT: should it be stopped just then. */
	prctl(PR_SET_PDEATHSIG, gently ? SIGCONT : SIGKILL, 0L, 0L, 0L);
	if (poll(&outer, 1, 0) > 0)
		_exit(STATUS_FAILED);
	if (l->terminal.role != BELOW_SHELL)
		setpgid(0, 0);
	namespace_set_up(l->opt, &l->mounted, &l->ids);
	l->mounted.point = -1;
	_exit(run_command(l));
}

static int run_outer(struct level *l)
{
	struct keep keep;

	reaper_adopt(l->caller);
	l->ids = (struct caller){geteuid(), getegid()};
	look_for_early(l);
	if (namespace_enter(l->opt, &l->child, run_inner, l, l->sockets))
		return STATUS_FAILED;
	l->peer = l->sockets[0];
	keep = to_keep(l);
	keep.fds[keep.count++] = l->child.pidfd;
	files_release(&keep);
	log_to.nowait = true;
	say(VERBOSE, "started the inner nsinit as PID %d", l->child.pid);
	return watch_over(l);
}

/* Returns 0, or the status to end with. */
static int prepare(struct level *l)
{
	const struct options *opt = l->opt;
	bool machine = l->caller == 1 && shutdown_is_machine();

	if (!machine && opt->on_exit > ON_EXIT_EXIT)
		die(STATUS_FAILED, "--on-exit: only the machine's own init ends the machine");
	l->machine = machine && opt->on_exit != ON_EXIT_EXIT;
	l->grace = l->machine && opt->grace == GRACE_NONE ? MACHINE_GRACE : opt->grace;
	if (opt->parent_death) {
		pid_t parent = getppid();

		if (prctl(PR_SET_PDEATHSIG, opt->parent_death, 0L, 0L, 0L))
			die(STATUS_FAILED, "cannot ask for a signal at the parent's death: %m");
		/* Not by kill(2), which is how a PIPE of our own looks. */
		if (getppid() != parent)
			syscall(SYS_tgkill, l->caller, l->caller, opt->parent_death);
	}
	l->reaper.signals = signals_watch(-1, true);
	if (l->reaper.signals < 0)
		die(STATUS_FAILED, "cannot wait for signals: %m");
	if (opt->pid_file && pid_file_make(&l->pid_file, opt->pid_file)) {
		say(ALWAYS, "cannot make %s: %m", opt->pid_file);
		return STATUS_FAILED;
	}
	if (namespace_prepare(opt, &l->mounted))
		return STATUS_FAILED;
	terminal_find(&l->terminal, opt->group);
	terminal_release(&l->terminal);
	return 0;
}

/*
 * On a machine others may run besides what COMMAND has left: COMMAND could not be started, or had
 * namespaces of its own. They have not been told yet.
 */
static void end_others(struct level *l, int status)
{
	l->done = false;
	l->due = NOTHING_DUE;
	on_command_end(l, l->ended ? l->status : status << 8);
	supervise(l);
}

static _Noreturn void end(struct level *l, int status)
{
	int sig = l->ended && WIFSIGNALED(l->status) ? WTERMSIG(l->status) : 0;

	if (l->machine && (!l->ended || l->role == OUTER))
		end_others(l, status);
	terminal_restore(&l->terminal, l->command);
	/* What memory_release() has let go of is not called for nothing. */
	if (l->mounted.point >= 0 || l->mounted.at.made)
		namespace_undo(&l->mounted);
	if (l->pid_file.fd >= 0)
		pid_file_remove(&l->pid_file);
	if (l->ended && l->opt->remap[status])
		status = 0;
	else if (terminal_is_kept(&l->terminal) && (sig == SIGINT || sig == SIGQUIT))
		signal_end_by(sig);
	shutdown_end(l->opt->on_exit, status);
}

int main(int argc, char **argv)
{
	struct options opt;
	struct level level = {
	    .opt = &opt, .peer = -1, .pid_file.fd = -1, .mounted.point = -1, .child.pidfd = -1};
	int status;

	(void)argc;
	signals_hold(&level.inherited);
	level.caller = getpid();
	options_parse(&opt, argv, level.caller);
	level.role = opt.namespaces ? OUTER : ALONE;
	status = prepare(&level);
	if (!status)
		status = opt.namespaces ? run_outer(&level) : run_command(&level);
	end(&level, status);
}
