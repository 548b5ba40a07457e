/*
 * nsinit: hold signals, parse, prepare, run COMMAND or the inner process that runs it, supervise,
 * end.
 *
 * Without new namespaces there are two processes: nsinit and COMMAND. With new namespaces there are
 * three: the outer process stays in the caller's namespaces and cleans up, the inner one runs
 * COMMAND. Both supervise their child by the same loop (supervise.c) and exchange notes (peer.c).
 */
#include <poll.h>

#include "command.h"
#include "files.h"
#include "kernel.h"
#include "log.h"
#include "machine.h"
#include "namespace.h"
#include "options.h"
#include "peer.h"
#include "supervise.h"

enum { MACHINE_GRACE = 3000 }; /* ms, unless --grace is given */

/* The state of nsinit from its start to its end. */
struct nsinit {
	const struct options *opt;
	struct inherited inherited;
	struct caller ids;
	struct mounted mounted;
	struct pid_file pid_file;
	int sockets[2]; /* the outer process's end, and the inner one's */
	struct supervision s;
};

/*
 * Return the files that this process keeps open. PID 1 keeps its standard files, because programs
 * in a container write to its log by /proc/1/fd/1. The inner process also keeps its signalfd, its
 * socket, COMMAND's pidfd, and with -g the terminal, and no other file that COMMAND does not have.
 */
static struct keep to_keep(const struct nsinit *n)
{
	const struct supervision *s = &n->s;
	struct keep keep = {.standard = s->self == 1, .count = 2};

	keep.fds[0] = s->reaper.signals;
	keep.fds[1] = s->peer;
	if (s->terminal.role == OWN_GROUP ||
	    (s->role != INNER && s->terminal.role == BELOW_SHELL) || supervise_has_terminal(s))
		keep.fds[keep.count++] = s->terminal.fd;
	if (s->role == INNER)
		return keep;
	keep.fds[keep.count++] = n->pid_file.fd;
	keep.fds[keep.count++] = n->mounted.point;
	return keep;
}

/* In the inner process: wait for NOTE_GO. */
static void await_go(const struct nsinit *n)
{
	struct note note;

	if (!peer_wait(n->s.peer, INNER, NOTE_GO, &note))
		_exit(STATUS_FAILED);
}

/*
 * Give the terminal up, so that COMMAND, which is created next, can take it. Do it no earlier: if
 * the terminal is closed while it belongs to no session, no process receives the HUP until
 * COMMAND finds that it cannot take it, so that time must be short.
 */
static void hand_terminal_over(struct nsinit *n)
{
	if (n->s.terminal.role != GIVES_SESSION || n->opt->pause)
		return;
	if (n->s.role != INNER) {
		terminal_release(&n->s.terminal);
		return;
	}
	/* If this fails, the outer process is gone or cannot answer. */
	if (!peer_tell(n->s.peer, NOTE_READY, 0))
		_exit(STATUS_FAILED);
	await_go(n);
}

/* Right before supervising: let the kernel reap orphans if this is PID 1 without new namespaces, as
 * in a container. */
static void delegate_orphans(struct nsinit *n)
{
	if (n->s.role == ALONE && n->s.original_pid == 1)
		reaper_delegate(&n->s.reaper, n->opt->pause ? NULL : &n->s.child, n->opt);
}

static int run_pause(struct nsinit *n)
{
	struct keep keep = to_keep(n);

	files_release(&keep);
	log_to.nowait = true;
	if (n->s.role == INNER) {
		peer_tell(n->s.peer, NOTE_RUNS, 0);
		setsid();
	}
	delegate_orphans(n);
	supervise_describe(&n->s);
	supervise(&n->s);
	return reaper_exit_status(n->s.status);
}

/* Returns the status to exit with. */
static int run_command(struct nsinit *n)
{
	struct supervision *s = &n->s;
	struct start start = {.opt = n->opt,
	    .inherited = &n->inherited,
	    .terminal = &s->terminal,
	    .self = s->self,
	    .original_pid = s->original_pid,
	    .peer = -1,
	    .machine = s->machine};
	struct keep keep;
	sigmask pending = 0;

	if (n->opt->directory && chdir(n->opt->directory)) {
		say(ALWAYS, "cannot change to directory %s: %m", n->opt->directory);
		return STATUS_FAILED;
	}
	reaper_adopt(s->self);
	if (n->opt->pause)
		return run_pause(n);
	/* The outer process has no other way to know COMMAND's PID. */
	if (s->role == INNER && (n->opt->pid_file || terminal_is_kept(&s->terminal)))
		start.peer = s->peer;
	s->start = &start;
	hand_terminal_over(n);
	if (command_create(&s->child, &s->start))
		return STATUS_FAILED;
	/*
	 * From here on, a signal sent to the process group also reaches COMMAND, which exists by
	 * now (the kernel serializes fork(2) and kill(2) of a group). Neither process has unblocked
	 * or taken a signal yet. So if COMMAND stays in the group, a signal that is pending here,
	 * and that COMMAND does not find pending a moment later, came before COMMAND was created
	 * and has to be forwarded.
	 */
	if (s->terminal.role == BELOW_SHELL)
		pending = signals_pending();
	keep = to_keep(n);
	command_run(&s->child, s->start, &keep);
	if (s->start->answer.error) {
		child_wait(&s->child);
		return command_failure(s->start);
	}
	supervise_divide(s, pending, s->start->answer.had);
	log_to.nowait = true;
	s->command = s->child.pid;
	/*
	 * Leave the group, or a signal that a shell sends to its job would arrive twice. In a
	 * separate session the inner process does not count as a parent that watches COMMAND's
	 * group. That group must become orphaned as it would without nsinit.
	 */
	if (s->role == INNER && s->terminal.role == BELOW_SHELL)
		setsid();
	delegate_orphans(n);
	supervise_describe(s);
	say(VERBOSE, "started %s as PID %d", n->opt->command[0], s->child.pid);
	pid_file_fill(&n->pid_file, s->command);
	if (s->start->peer >= 0)
		peer_tell(s->peer, NOTE_RUNS, 0);
	/* From here on, log errors and carry on: if PID 1 ends, the kernel kills every process. */
	supervise(s);
	s->start = NULL;
	return reaper_exit_status(s->status);
}

/* Set up what the inner process does not share with the outer one. */
static void part_from_outer(struct nsinit *n)
{
	struct supervision *s = &n->s;

	s->role = INNER;
	s->self = getpid();
	s->machine = false;
	s->peer = n->sockets[1];
	n->pid_file.fd = -1;
	n->mounted.point = -1;
	close(n->sockets[0]);
	/* Two processes that share a signalfd could change what the other one receives. */
	s->reaper.signals = signals_watch(-1, true);
	if (s->reaper.signals < 0) {
		say(ALWAYS, "cannot wait for signals: %m");
		_exit(STATUS_FAILED);
	}
}

/* End with the outer process. PDEATHSIG comes at once, but is lost with a change of credentials;
 * the hang-up of the socket is not lost. */
static void follow_outer(const struct nsinit *n)
{
	bool gently = n->opt->kill_child || !(n->opt->namespaces & CLONE_NEWPID);
	struct pollfd outer = {.fd = n->s.peer};

	/* SIGCONT, because the inner process may be stopped at that moment. */
	syscall(SYS_prctl, PR_SET_PDEATHSIG, gently ? SIGCONT : SIGKILL, 0L, 0L, 0L);
	if (poll(&outer, 1, 0) > 0 && outer.revents & POLLHUP)
		_exit(STATUS_FAILED);
}

/*
 * What the process group was sent since this process was created is pending in the outer one as
 * well. It must reach COMMAND once. The outer process forwards nothing before NOTE_PENDING.
 *
 * Below a shell this process stays in the group, since COMMAND is to be a member. The outer process
 * looks at its pending signals first, and this one afterwards:
 *
 *     pending in           it came                            who forwards it
 *     the outer one alone  before this process was created    the outer process
 *     both                 afterwards, to the whole group     this process
 *
 * Realtime signals may be pending more than once. Each of the two forwards what it has, so that
 * none is lost, and COMMAND receives those of the group twice, as it does later.
 *
 * Nobody takes a signal between the two looks. Nor can a group's signal that is on its way make a
 * difference: the kernel signals the newest member of a group first.
 *
 * Otherwise this process leaves the group and drops what it had: the outer one forwards it.
 */
static void divide_signals(struct nsinit *n)
{
	sigmask pending = 0;

	if (n->s.terminal.role == BELOW_SHELL) {
		await_go(n);
		pending = signals_pending();
	} else {
		setpgid(0, 0);
		signals_drop(SIG_EVERY);
	}
	if (!peer_tell(n->s.peer, NOTE_PENDING, pending))
		_exit(STATUS_FAILED);
}

static int run_inner(void *arg)
{
	struct nsinit *n = arg;

	part_from_outer(n);
	follow_outer(n);
	divide_signals(n);
	namespace_set_up(n->opt, &n->mounted, &n->ids);
	_exit(run_command(n));
}

/* Exchange the first notes with the inner process, which has just been created. */
static void meet_inner(struct nsinit *n)
{
	struct supervision *s = &n->s;
	sigmask pending = 0;
	struct note note;

	s->peer = n->sockets[0];
	close(n->sockets[1]);
	if (s->terminal.role == BELOW_SHELL) {
		pending = signals_pending();
		peer_let_go(s->peer);
	}
	if (peer_wait(s->peer, OUTER, NOTE_PENDING, &note))
		supervise_divide(s, pending, note.value);
}

/* Returns the status to exit with. */
static int run_outer(struct nsinit *n)
{
	struct supervision *s = &n->s;
	struct keep keep;

	reaper_adopt(s->self);
	n->ids = (struct caller){geteuid(), getegid()};
	if (peer_pair(n->sockets)) {
		say(ALWAYS, "cannot create a socket pair: %m");
		return STATUS_FAILED;
	}
	if (namespace_enter(n->opt, &s->child, run_inner, n))
		return STATUS_FAILED;
	meet_inner(n);
	keep = to_keep(n);
	keep.fds[keep.count++] = s->child.pidfd;
	files_release(&keep);
	log_to.nowait = true;
	supervise_describe(s);
	say(VERBOSE, "started the inner process as PID %d", s->child.pid);
	supervise(s);
	return reaper_exit_status(s->status);
}

/* Request SIG for the parent's death, and raise it if the parent has already died. */
static void set_parent_death(int sig, pid_t self)
{
	pid_t parent = getppid();

	if (syscall(SYS_prctl, PR_SET_PDEATHSIG, sig, 0L, 0L, 0L))
		die(STATUS_FAILED, "--pdeathsig: cannot ask for a signal: %m");
	/* kill(2) would not do: a SIGPIPE would look like one that our own write raised. */
	if (getppid() != parent)
		syscall(SYS_tgkill, self, self, sig);
}

/* Returns 0, or the status to exit with. */
static int prepare(struct nsinit *n)
{
	struct supervision *s = &n->s;
	const struct options *opt = n->opt;
	bool machine = s->original_pid == 1 && machine_is_ours();

	if (!machine && opt->on_exit > ON_EXIT_EXIT)
		die(STATUS_FAILED, "--on-exit: only the machine's own init can end the machine");
	s->machine = machine && opt->on_exit != ON_EXIT_EXIT;
	s->grace = s->machine && opt->grace == GRACE_NONE ? MACHINE_GRACE : opt->grace;
	if (opt->parent_death)
		set_parent_death(opt->parent_death, s->original_pid);
	s->reaper.signals = signals_watch(-1, true);
	if (s->reaper.signals < 0)
		die(STATUS_FAILED, "cannot wait for signals: %m");
	if (opt->pid_file && pid_file_make(&n->pid_file, opt->pid_file)) {
		say(ALWAYS, "--pid-file: cannot create %s: %m", opt->pid_file);
		return STATUS_FAILED;
	}
	if (namespace_prepare(opt, &n->mounted))
		return STATUS_FAILED;
	terminal_find(&s->terminal, opt->group);
	return 0;
}

/* On a machine, other processes may be running besides those that COMMAND left behind, if COMMAND
 * could not be started or had new namespaces. They have not received TERM yet. */
static void end_others(struct nsinit *n, int status)
{
	supervise_end(&n->s, n->s.ended ? n->s.status : exited_with(status));
	supervise(&n->s);
}

/*
 * Ctrl-C or Ctrl-\ below a shell terminated COMMAND. Terminate nsinit by the same signal, so that a
 * loop in the shell ends too. If only COMMAND's group had the foreground, the rest of the job has
 * not received the signal yet.
 */
static void end_by_signal(const struct nsinit *n, int sig, bool lent)
{
	if (n->s.terminal.role == OWN_GROUP && lent && !(n->s.sent & SIGBIT(sig)))
		kill(0, sig);
	signal_end_by(sig);
}

static _Noreturn void end(struct nsinit *n, int status)
{
	struct supervision *s = &n->s;
	int sig = s->ended && WIFSIGNALED(s->status) ? WTERMSIG(s->status) : 0;
	bool lent;

	if (s->machine && (!s->ended || s->role == OUTER))
		end_others(n, status);
	lent = terminal_restore(&s->terminal, s->command);
	/* Call these only if needed: their pages may have been released by memory_release(). */
	if (n->mounted.point >= 0 || n->mounted.at.made)
		namespace_undo(&n->mounted);
	if (n->pid_file.fd >= 0)
		pid_file_remove(&n->pid_file);
	if (s->ended && n->opt->remap[status])
		status = 0;
	else if (terminal_is_kept(&s->terminal) && (sig == SIGINT || sig == SIGQUIT))
		end_by_signal(n, sig, lent);
	machine_end(n->opt->on_exit, status);
}

int main(int argc, char **argv)
{
	/* Not on the stack, whose next page would then often be touched: see log_to. */
	static struct options opt;
	static struct nsinit n;
	int status;

	(void)argc;
	n = (struct nsinit){.opt = &opt,
	    .pid_file.fd = -1,
	    .mounted.point = -1,
	    .s = {.opt = &opt,
		.peer = -1,
		.child.pidfd = -1,
		.deadline = INT64_MAX,
		.pid_file = &n.pid_file}};
	if (signals_hold(&n.inherited))
		die(STATUS_FAILED, "cannot block signals: %m");
	n.s.original_pid = n.s.self = getpid();
	options_parse(&opt, argv, n.s.original_pid);
	n.s.role = opt.namespaces ? OUTER : ALONE;
	status = prepare(&n);
	if (!status)
		status = opt.namespaces ? run_outer(&n) : run_command(&n);
	end(&n, status);
}
