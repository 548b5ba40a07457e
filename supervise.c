/* Supervising: the loop, the phases, job control. */
#include "supervise.h"

#include <poll.h>
#include <time.h>

#include "command.h"
#include "descendants.h"
#include "kernel.h"
#include "log.h"
#include "machine.h"
#include "memory.h"
#include "oom.h"
#include "options.h"
#include "text.h"

#define NEVER INT64_MAX

/* ms */
enum {
	KILL_WAIT = 1000,        /* then nsinit gives up on what KILL did not end */
	INNER_KILL_WAIT = 700,   /* the same in the inner process, which is first */
	HANG_UP_WAIT = 1000,     /* for a namespace to end, before nsinit logs a line */
	OUTER_EXTRA = 1000,      /* added in the outer process, so that the inner one is first */
	KILL_CHILD_GRACE = 3000, /* for --kill-child=SIG without --grace */
	STOP_REACTION = 2000,    /* a stop of COMMAND this soon after a stop signal is due to it */
	PASS_INTERVAL = 10       /* between two passes of TERM over /proc */
};

enum { TURN = 64 }; /* events of one kind that are handled in one turn of the loop */

/* --- the clock and the phases --- */

static int64_t now(void)
{
	long t[2];

	/* The vdso would be faster, but its pages would have to be mapped for a few calls. */
	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, t);
	return (int64_t)t[0] * 1000 + t[1] / 1000000;
}

/* Return the deadline in MS milliseconds. */
static int64_t after(int64_t ms)
{
	return ms == GRACE_FOREVER || ms == GRACE_NONE ? NEVER : now() + ms;
}

/* Return the milliseconds until the deadline for poll(2); -1 if there is no deadline. */
static int time_left(const struct supervision *s)
{
	int64_t left;

	if (s->deadline == NEVER)
		return -1;
	left = s->deadline - now();
	if (left < 0)
		return 0;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

static void enter(struct supervision *s, enum phase phase, int64_t deadline)
{
	static const char names[][9] = {
	    "RUNNING", "STOPPING", "LEAVING", "KILLING", "HUNG_UP", "OVER"};

	if (log_to.level >= DEBUG && phase != s->phase)
		say(DEBUG, "%sphase %s -> %s", s->role == OUTER ? "outer: " : "", names[s->phase],
		    names[phase]);
	s->phase = phase;
	s->deadline = deadline;
}

/* --- signalling --- */

static bool group_is_meant(const struct supervision *s)
{
	return s->role != OUTER && !s->opt->single && s->terminal.role != BELOW_SHELL;
}

/* Signal COMMAND, or the inner process, on nsinit's own behalf. Returns whether that process is
 * still running. */
static bool signal_command(struct supervision *s, int sig)
{
	if (!s->child.pid || s->reaper.ended)
		return false;
	s->sent |= SIGBIT(sig);
	child_signal(&s->child, sig, NULL, group_is_meant(s));
	return true;
}

static void kill_all(struct supervision *s)
{
	siginfo_t info = {.si_signo = SIGKILL, .si_code = SI_USER};

	s->sent |= SIGBIT(SIGKILL);
	/* Signal the child itself as well: if /proc does not show our PID namespace, the
	 * descendants cannot be found. child_forward() logs a refusal. */
	if (s->child.pid && !s->reaper.ended)
		child_forward(&s->child, group_is_meant(s), &info);
	if (s->role != OUTER || !s->child.pid || s->reaper.ended)
		descendants_signal(SIGKILL);
	s->sweeping = false;
	s->progress = false;
	enter(s, KILLING, after(s->role == INNER ? INNER_KILL_WAIT : KILL_WAIT));
}

/* Send TERM to every process that has not had it. */
static void term_all(struct supervision *s)
{
	if (descendants_hidden()) {
		s->sweeping = false;
		if (s->role == INNER)
			peer_tell(s->peer, NOTE_LEFT, 0);
		else
			say(ALWAYS, "what COMMAND left behind gets no TERM: /proc is not a procfs "
				    "of this PID namespace");
		return;
	}
	s->sweeping = descendants_signal(SIGTERM);
	s->denied = descendants_are_denied();
}

/* --- a stop --- */

/* A stop was requested. GRACE is the time that it may take. */
static void ask_stop(struct supervision *s, int64_t grace)
{
	if (grace != GRACE_NONE && grace != GRACE_FOREVER && s->role == OUTER)
		grace += OUTER_EXTRA;
	if ((s->phase == RUNNING || s->phase == HUNG_UP) && grace != GRACE_NONE) {
		enter(s, STOPPING, after(grace));
	} else if (s->phase == LEAVING && s->deadline == NEVER && s->opt->linger) {
		enter(s, LEAVING, after(grace));
		if (s->role != OUTER)
			term_all(s);
	}
}

static bool is_stop(const struct supervision *s, int sig)
{
	sigmask stops = s->opt->stop;

	if (s->opt->pause)
		stops |= SIGBIT(SIGTERM) | SIGBIT(SIGINT);
	return stops & SIGBIT(sig);
}

/* COMMAND received the stop signal from the terminal. The process that runs COMMAND keeps the
 * deadline. */
static void on_stop_had(struct supervision *s)
{
	if (s->role == OUTER)
		peer_tell(s->peer, NOTE_ASKED, 0);
	ask_stop(s, s->opt->grace);
}

/* Return the signal that COMMAND is sent for SIG; 0 if SIG is dropped. */
static int rewritten(const struct supervision *s, int sig)
{
	if (s->opt->rewritten & SIGBIT(sig))
		return s->opt->renamed[sig];
	if (s->opt->suspend && SIGBIT(sig) & STOP_SIGNALS && s->role != OUTER && group_is_meant(s))
		return SIGSTOP;
	return sig;
}

static void say_forwarded(int from, int to)
{
	char from_name[12], to_name[12];

	if (log_to.level < VERBOSE) /* memory_release() has released the names */
		return;
	if (to)
		say(VERBOSE, "signal %s is forwarded as %s", signal_name(from, from_name),
		    signal_name(to, to_name));
	else
		say(VERBOSE, "signal %s is dropped", signal_name(from, from_name));
}

/* Send INFO to the child: to COMMAND or its group, or to the inner process, which forwards it. */
static void deliver(struct supervision *s, siginfo_t *info, bool group)
{
	int sig = info->si_signo;

	s->sent |= SIGBIT(sig);
	if (!child_forward(&s->child, group, info))
		descendants_signal_group(s->child.pid, sig);
}

/* Forward a signal. KEY means that the terminal sent it to nsinit's process group, and COMMAND did
 * not get it: COMMAND is in another group, or was created later. */
static void forward(struct supervision *s, siginfo_t *info, bool key)
{
	int sig = info->si_signo, to = rewritten(s, sig);
	bool stop = to && is_stop(s, sig);
	bool group = group_is_meant(s);
	bool running = s->child.pid && !s->reaper.ended;

	/* A signal of the terminal, and the SIGCONT that ends such a stop, are meant for a whole
	 * job. */
	if ((key || (sig == SIGCONT && s->terminal.role == BELOW_SHELL)) && s->role != OUTER)
		group = group || getpgid(s->child.pid) == s->child.pid;
	if (stop)
		ask_stop(s, s->opt->grace);
	if (s->role == OUTER)
		to = sig; /* the inner process rewrites it */
	say_forwarded(sig, to);
	if (!to)
		return;
	info->si_signo = to;
	if (!stop || s->grace == GRACE_NONE || s->role == OUTER || !running) {
		deliver(s, info, group);
		return;
	}
	/* A process that receives the stop's TERM as a member of the group must not receive a
	 * second one when COMMAND ends. */
	if (group && to == SIGTERM && info->si_code != SI_QUEUE)
		descendants_have_term(s->child.pid);
	deliver(s, info, group);
	/* A stopped process could not use its grace to clean up. */
	child_signal(&s->child, SIGCONT, NULL, group);
}

/* --- job control --- */

/* Return whether nsinit has to stop as well, after COMMAND was stopped. PID 1 cannot be stopped
 * from inside. */
static bool should_suspend(const struct supervision *s)
{
	if (!s->stopped_by || s->role == INNER || s->original_pid == 1)
		return false;
	/* nsinit received the same stop signal. */
	if (s->suspend_signal == s->stopped_by && now() < s->reaction_ends)
		return true;
	/* The terminal signals only COMMAND's group. */
	if (s->terminal.role == OWN_GROUP && s->stopped_by != SIGSTOP)
		return true;
	/* A COMMAND that stops itself must not stop the clock. */
	if (s->deadline != NEVER)
		return false;
	/* A shell with job control would have seen COMMAND stop. */
	return terminal_is_watched(&s->terminal);
}

/*
 * The kernel ignores a stop signal for a process group that no shell watches. COMMAND did stop,
 * because it is in a separate group below nsinit. Undo the stop as the kernel would have handled
 * it: in such a group a background read or write fails, and a stopped group that becomes orphaned
 * receives HUP and CONT.
 */
static void undo_stop(struct supervision *s)
{
	if (s->stopped_by == SIGTTIN || s->stopped_by == SIGTTOU) {
		/* A COMMAND that ignores HUP would stop again at once, for ever. */
		if (s->sent & SIGBIT(SIGHUP))
			return;
		signal_command(s, SIGHUP);
	}
	signal_command(s, SIGCONT);
}

/*
 * Resume COMMAND in the foreground if a shell's fg gave that to nsinit's group. COMMAND comes
 * first, since its SIGCONT would discard the SIGTSTP of a Ctrl-Z that COMMAND's group, in the
 * foreground, got before. Until then nsinit has the SIGTSTP and forwards it. With new namespaces
 * the inner process does both, since the outer one does not know when COMMAND has been resumed.
 */
static bool resume_in_foreground(struct supervision *s)
{
	siginfo_t cont = {.si_signo = SIGCONT, .si_code = SI_USER};

	if (s->role == INNER || s->terminal.role != OWN_GROUP ||
	    !terminal_lends(&s->terminal, s->command))
		return false;
	s->stopped_by = 0;
	if (s->role == OUTER)
		return peer_tell(s->peer, NOTE_KEY, SIGCONT - 1);
	forward(s, &cont, false);
	terminal_lend(&s->terminal, s->command);
	return true;
}

static void suspend_with_command(struct supervision *s)
{
	bool group = s->terminal.role == OWN_GROUP && s->stopped_by != SIGSTOP;
	int sig = s->terminal.role == NO_TERMINAL ? SIGSTOP : s->stopped_by;

	/* COMMAND used the terminal before it had the foreground. */
	if ((s->stopped_by == SIGTTIN || s->stopped_by == SIGTTOU) &&
	    s->suspend_signal != s->stopped_by && resume_in_foreground(s))
		return;
	if (!should_suspend(s))
		return;
	say(VERBOSE, "stopped with COMMAND");
	if (!signal_suspend(sig, group))
		undo_stop(s);
	say(VERBOSE, "resumed");
	s->resumed = true;
	s->suspend_signal = 0;
	/* COMMAND stays stopped until the SIGCONT that is pending now is forwarded. Another Ctrl-Z
	 * may discard that SIGCONT. */
}

/* Record a stop signal that nsinit received; a SIGCONT clears the record. */
static void note_job_control(struct supervision *s, int sig)
{
	if (SIGBIT(sig) & STOP_SIGNALS) {
		s->suspend_signal = rewritten(s, sig);
		s->reaction_ends = now() + STOP_REACTION;
	}
	if (sig == SIGCONT) {
		s->suspend_signal = s->stopped_by = 0;
		/* SIGCONT discarded them. */
		s->early &= ~STOP_SIGNALS;
		s->had &= ~STOP_SIGNALS;
		if (s->role != INNER && s->terminal.role == BELOW_SHELL &&
		    terminal_lends(&s->terminal, s->command))
			terminal_lend(&s->terminal, s->command);
	}
}

/* Whether COMMAND is stopped. Where /proc does not show it, the answer is UNKNOWN. A stopped
 * COMMAND whose first thread has ended reads as a zombie: the answer is ZOMBIE. */
static bool is_stopped(const struct supervision *s, bool unknown, bool zombie)
{
	char state = descendants_state(s->command);

	return (state | 0x20) == 't' || (!state && unknown) || (state == 'Z' && zombie);
}

/*
 * Whether COMMAND, below a shell, needs a SIGCONT that nsinit got. The shell sends it to the whole
 * group. If it resumed nsinit and COMMAND runs, COMMAND had it, and another one might undo a later
 * Ctrl-Z. That one stops COMMAND first, and then nsinit has the stop signal pending.
 */
static bool needs_cont(struct supervision *s)
{
	bool runs = s->resumed && !is_stopped(s, true, false);

	s->resumed = false;
	return s->role == INNER || s->terminal.role != BELOW_SHELL ||
	       (!runs && !(signals_pending() & STOP_SIGNALS));
}

/* --- signals --- */

/*
 * Return whether COMMAND is in nsinit's process group. If so, the terminal signals COMMAND as well.
 */
static bool shares_group(const struct supervision *s)
{
	/* A signal that reaches the inner process also reaches COMMAND, or the outer process
	 * handles it. */
	if (s->role == INNER || s->command <= 0)
		return true;
	return getpgid(s->command) == getpgrp();
}

static bool is_key(const struct supervision *s, const siginfo_t *info)
{
	return info->si_code == SI_KERNEL && s->terminal.role == BELOW_SHELL &&
	       SIGBIT(info->si_signo) & FROM_TERMINAL;
}

/* Return whether COMMAND received this signal as well. What was noted about the first signal of its
 * number, in `had` and `early`, does not hold for the next one. */
static bool command_received_it(struct supervision *s, const siginfo_t *info)
{
	sigmask bit = SIGBIT(info->si_signo);
	bool had = s->had & bit, early = s->early & bit;

	s->had &= ~bit;
	s->early &= ~bit;
	if (had)
		return true;
	return !early && is_key(s, info) && shares_group(s);
}

/* While there is no COMMAND, signals that stop or terminate are meant for nsinit itself. */
static void on_signal_alone(struct supervision *s, const siginfo_t *info)
{
	int sig = info->si_signo;
	/* A hang-up ends nsinit, like any program that does not handle SIGHUP. */
	bool hung_up = sig == SIGHUP && info->si_code == SI_KERNEL;

	if (is_key(s, info) && SIGBIT(sig) & STOP_SIGNALS && s->original_pid != 1) {
		signal_suspend(sig, false);
		return;
	}
	if (s->ended || !s->opt->pause)
		return;
	if (s->role == OUTER) {
		siginfo_t term = *info;

		if (hung_up) {
			term.si_signo = SIGTERM;
			term.si_code = SI_USER;
		}
		forward(s, &term, false);
	} else if (is_stop(s, sig) || hung_up) {
		supervise_end(s, exited_with(0));
	}
}

/*
 * Which signal goes where. Origin "terminal" is si_code SI_KERNEL.
 *
 * terminal role   signal         origin    COMMAND                     action
 * any             any            any       had it when it was created  note the stop it asks for
 * BELOW_SHELL     FROM_TERMINAL  terminal  in nsinit's group           note the stop it asks for
 * BELOW_SHELL     FROM_TERMINAL  terminal  created after the signal    forward to COMMAND
 * BELOW_SHELL     FROM_TERMINAL  terminal  in another group            forward to its group if it
 *                                                                      leads one, or to COMMAND
 * BELOW_SHELL     CONT           process   continued since it stopped  nothing: it had it
 * BELOW_SHELL     other          any       any                         forward to COMMAND
 * any other       any            any       any                         forward to COMMAND's group,
 *                                                                      to COMMAND with -c
 * BELOW_SHELL     STOP_SIGNALS   terminal  ended, or there is none     stop nsinit
 * any             stop, HUP      any       there is none (--pause)     end
 */
static void on_signal(struct supervision *s, siginfo_t *info)
{
	int sig = info->si_signo;
	bool key = is_key(s, info), early = s->early & SIGBIT(sig);

	if (sig == SIGCHLD || signal_is_own(info))
		return;
	/* COMMAND raises the signals of a hang-up when it cannot take the terminal. */
	if (supervise_has_terminal(s) && info->si_code == SI_KERNEL &&
	    (sig == SIGHUP || sig == SIGCONT))
		return;
	note_job_control(s, sig);
	if (s->opt->pause || (s->ended && key && SIGBIT(sig) & STOP_SIGNALS)) {
		on_signal_alone(s, info);
		return;
	}
	if (command_received_it(s, info)) {
		if (is_stop(s, sig))
			on_stop_had(s);
	} else if (key && s->role == OUTER && !early) {
		peer_tell(s->peer, NOTE_KEY, (uint64_t)sig - 1);
	} else if (sig != SIGCONT || (needs_cont(s) && !resume_in_foreground(s))) {
		forward(s, info, key);
	}
	/* Like dumb-init, nsinit stops at once. */
	if (s->opt->suspend && info->si_code != SI_KERNEL && SIGBIT(sig) & STOP_SIGNALS)
		s->stopped_by = s->suspend_signal = sig;
	suspend_with_command(s);
}

static void on_signals(struct supervision *s)
{
	siginfo_t info;

	for (int i = 0; i < TURN && signals_take(SIG_EVERY, &info); i++)
		on_signal(s, &info);
}

void supervise_divide(struct supervision *s, sigmask pending, sigmask had)
{
	/* Of two realtime signals with the same number the new process may have had only one. So
	 * all of them are forwarded, like those that come later. */
	had &= ~SIG_REALTIME;
	s->had = had ? signals_pending() & had : 0;
	s->early = pending & ~had;
}

/* --- COMMAND --- */

static void take_status(struct supervision *s, int status)
{
	s->stopped_by = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		s->ended = true;
		s->status = status;
	}
}

/* Like dumb-init, send TERM, or what -r replaces it by, to the rest of COMMAND's group. */
static void end_group(struct supervision *s)
{
	siginfo_t info = {.si_signo = rewritten(s, SIGTERM), .si_code = SI_USER};

	if (s->opt->end_group && s->child.pid && info.si_signo)
		deliver(s, &info, true);
}

/* Return whether an exit status of the inner process can only be COMMAND's. */
static bool is_commands(int status)
{
	return WIFEXITED(status) &&
	       (WEXITSTATUS(status) < STATUS_FAILED || WEXITSTATUS(status) > STATUS_NOTFOUND);
}

static void on_command_end(struct supervision *s, int status)
{
	bool at_once = s->phase == RUNNING && s->grace == GRACE_NONE && !s->opt->linger;

	take_status(s, status);
	say(VERBOSE, "COMMAND has ended: status %d", reaper_exit_status(status));
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !(s->sent & SIGBIT(SIGKILL)))
		oom_report();
	if (s->machine)
		machine_announce(s->opt->on_exit, reaper_exit_status(status));
	/* Otherwise our exit status reports it, and no note has to wake the outer process. */
	if (s->role == INNER && (!at_once || !is_commands(status)))
		peer_tell(s->peer, NOTE_STATUS, (uint64_t)status);
	reaper_resume(&s->reaper);
	end_group(s);
	if (at_once) {
		enter(s, OVER, NEVER);
	} else if (s->phase == RUNNING && s->opt->linger) {
		enter(s, LEAVING, NEVER);
	} else if (s->phase == RUNNING) {
		enter(s, LEAVING, after(s->grace));
		term_all(s);
	} else if (s->phase == STOPPING) {
		enter(s, LEAVING, s->deadline);
		term_all(s);
	}
}

/* COMMAND's exec, which was still to come when command_run() returned, has failed. */
static void on_failed_exec(struct supervision *s)
{
	s->status = exited_with(command_failure(s->start));
	enter(s, OVER, NEVER);
}

void supervise_end(struct supervision *s, int status)
{
	enter(s, RUNNING, NEVER);
	on_command_end(s, status);
}

/* --- the other process --- */

/* The outer process has died, so everything here has to end: at once, or by the signal of
 * --kill-child, with KILL after the grace. */
static void on_outer_gone(struct supervision *s)
{
	int64_t grace = s->opt->grace == GRACE_NONE ? KILL_CHILD_GRACE : s->opt->grace;

	if (s->phase <= STOPPING && s->opt->kill_child && signal_command(s, s->opt->kill_child))
		ask_stop(s, grace);
	else
		kill_all(s);
}

/* The other process closed the connection. The outer process waits a moment for the inner one's
 * end, which is what normally follows. */
static void on_peer_gone(struct supervision *s)
{
	/* It is not closed before nsinit exits, because of the descriptors in it (peer.c). */
	s->peer = -1;
	s->stopped_by = 0; /* the end of COMMAND would no longer be reported */
	if (s->role == INNER)
		on_outer_gone(s);
	else if (s->phase == RUNNING)
		enter(s, HUNG_UP, after(HANG_UP_WAIT));
}

/* The inner process reports to the outer one that COMMAND has ended or stopped. */
static void on_status(struct supervision *s, int status)
{
	int64_t grace = s->opt->grace;

	/* Root inside may have sent it, and nsinit stops itself by this signal. */
	if (WIFSTOPPED(status) && (WSTOPSIG(status) < SIGSTOP || WSTOPSIG(status) > SIGTTOU))
		return;
	take_status(s, status);
	/* The note may be late: a SIGCONT that nsinit has taken may have continued COMMAND. */
	if (s->terminal.role == BELOW_SHELL &&
	    !is_stopped(s, false, s->suspend_signal == s->stopped_by))
		s->stopped_by = 0;
	if (s->ended && s->phase == RUNNING && s->opt->linger)
		enter(s, LEAVING, NEVER);
	else if (s->ended && s->phase == RUNNING && grace != GRACE_NONE)
		enter(s, LEAVING, after(grace == GRACE_FOREVER ? grace : grace + OUTER_EXTRA));
	else if (s->ended && s->phase == STOPPING)
		enter(s, LEAVING, s->deadline);
}

bool supervise_has_terminal(const struct supervision *s)
{
	return s->role == OUTER && s->terminal.role == GIVES_SESSION && s->terminal.fd >= 0 &&
	       !s->opt->pause;
}

/* Do it once, however often root inside asks for it. */
static void give_terminal_up(struct supervision *s)
{
	if (!supervise_has_terminal(s))
		return;
	terminal_release(&s->terminal);
	close(s->terminal.fd);
	s->terminal.fd = -1;
	peer_let_go(s->peer);
}

/* A COMMAND that was stopped before its exec may be known only after NOTE_RUNS. */
static void fill_pid_file(struct supervision *s)
{
	pid_t pid = s->opt->pause ? s->child.pid : s->command;

	if (!s->runs || !pid || !s->pid_file)
		return;
	pid_file_fill(s->pid_file, pid);
	s->pid_file = NULL; /* once, however often root inside asks for it */
}

static void on_note(struct supervision *s, const struct note *note)
{
	siginfo_t key = {.si_signo = (int)(note->value % SIG_LAST + 1), .si_code = SI_USER};

	switch ((enum note_kind)note->kind) {
	case NOTE_NAME:
		if (!s->command)
			s->command = note->sender;
		fill_pid_file(s);
		break;
	case NOTE_RUNS:
		s->runs = true;
		fill_pid_file(s);
		break;
	case NOTE_STATUS:
		on_status(s, (int)note->value);
		break;
	case NOTE_LEFT:
		/* The init of a PID namespace finds them all, and never sends this. */
		if (s->left_behind || s->opt->namespaces & CLONE_NEWPID)
			break;
		s->left_behind = true;
		term_all(s);
		break;
	case NOTE_ASKED:
		ask_stop(s, s->opt->grace);
		break;
	case NOTE_KEY:
		/* No shell watches COMMAND's group, whose parent is in a session of its own: the
		 * kernel would ignore the stop signals of job control. */
		if (SIGBIT(key.si_signo) & STOP_SIGNALS)
			key.si_signo = SIGSTOP;
		forward(s, &key, true);
		if (note->value == SIGCONT - 1)
			terminal_lend(&s->terminal, s->command);
		break;
	case NOTE_READY:
		give_terminal_up(s);
		break;
	case NOTE_PENDING:
	case NOTE_GO:
		break; /* for peer_wait() */
	}
}

static void on_peer(struct supervision *s, short events)
{
	struct note note;
	int i = 0;

	while (i++ < TURN && peer_next(s->peer, s->role, &note))
		on_note(s, &note);
	/* Notes that were sent before the hang-up are read first. */
	if (i <= TURN && events & POLLHUP)
		on_peer_gone(s);
	else
		suspend_with_command(s);
}

/* --- children --- */

/* The notes that the inner process sent before its end count: read them first. */
static void on_inner_end(struct supervision *s, int status)
{
	struct note note;

	for (int i = 0; s->peer >= 0 && i < TURN && peer_next(s->peer, s->role, &note); i++)
		on_note(s, &note);
	if (!s->ended) {
		s->ended = is_commands(status);
		s->status = status;
	}
	/* Only reboot(2) ends the init of a PID namespace by one of these (pid_namespaces(7)). */
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGHUP || WTERMSIG(status) == SIGINT))
		say(ALWAYS, "reboot(2) was called inside: %s",
		    WTERMSIG(status) == SIGHUP ? "restart" : "halt or power off");
	/* COMMAND must not outlive the inner process, and without a PID namespace the kernel does
	 * not end it. */
	if (!(s->opt->namespaces & CLONE_NEWPID) && (WIFSIGNALED(status) || s->left_behind))
		kill_all(s);
	else
		enter(s, OVER, NEVER);
}

static void on_no_children(struct supervision *s)
{
	if (s->phase == LEAVING || (s->phase == KILLING && (s->reaper.ended || !s->child.pid)))
		enter(s, OVER, NEVER);
}

static void on_child_end(struct supervision *s, int status)
{
	if (s->role == OUTER)
		on_inner_end(s, status);
	else if (s->start && s->start->answer.error)
		on_failed_exec(s);
	else
		on_command_end(s, status);
}

/* COMMAND was stopped or continued. */
static void on_command_changed(struct supervision *s, int status)
{
	s->stopped_by = WIFSTOPPED(status) ? WSTOPSIG(status) : 0;
	if (s->role == INNER)
		peer_tell(s->peer, NOTE_STATUS, (uint64_t)status);
	suspend_with_command(s);
}

/* With -g the terminal can stop what COMMAND left behind in its group. This is the only report of
 * that stop. */
static void on_orphan_changed(struct supervision *s, const struct news *news)
{
	if (s->ended && s->role != OUTER && s->terminal.role == OWN_GROUP &&
	    WIFSTOPPED(news->status) && getpgid(news->pid) == s->child.pid)
		on_command_changed(s, news->status);
}

/* Handle what has happened to children. Returns whether there may be more. */
static bool on_children(struct supervision *s)
{
	/*
	 * KILL makes many zombies at once, and each pass over /proc would have to skip all of them.
	 */
	int most = s->phase == KILLING ? 32 * TURN : TURN;

	for (int i = 0; i < most && s->phase != OVER; i++) {
		struct news news = reaper_next(&s->reaper, &s->child);

		switch (news.kind) {
		case NOTHING_NEW:
			return false;
		case NO_CHILDREN:
			on_no_children(s);
			return false;
		case CHILD_ENDED:
			on_child_end(s, news.status);
			break;
		case CHILD_CHANGED:
			if (s->role != OUTER)
				on_command_changed(s, news.status);
			break;
		case ORPHAN_REAPED:
			s->progress = true;
			say(s->opt->warn ? ALWAYS : DEBUG, "reaped orphan PID %d, status %d",
			    news.pid, reaper_exit_status(news.status));
			break;
		case ORPHAN_CHANGED:
			on_orphan_changed(s, &news);
			break;
		}
	}
	return true;
}

/* --- deadlines --- */

/* Write MS to TEXT as seconds. */
static void format_seconds(char text[static 16], int64_t ms)
{
	unsigned int seconds = (unsigned int)(ms / 1000), tenths = (unsigned int)(ms % 1000 / 100);

	if (tenths)
		format(text, 16, "%u.%u s", seconds, tenths);
	else
		format(text, 16, "%u s", seconds);
}

static void on_grace_over(struct supervision *s)
{
	char grace[16], list[512];

	if (s->role == OUTER) {
		say(ALWAYS, "the inner nsinit process did not keep the grace, sending KILL to it");
		kill_all(s);
		return;
	}
	format_seconds(grace, s->grace == GRACE_NONE ? KILL_CHILD_GRACE : s->grace);
	if (!descendants_list(list, sizeof(list)))
		format(list, sizeof(list), "all that is left");
	say(ALWAYS, "the grace of %s is over, sending KILL to: %s", grace, list);
	if (s->ended && descendants_hidden())
		enter(s, OVER, NEVER); /* the outer process can find them once this one has ended */
	else
		kill_all(s);
}

static void say_waiting(void)
{
	say(ALWAYS,
	    "waiting for the namespace to end: a process in it is frozen or in state D, or joined "
	    "it from outside and has not been reaped");
}

static void on_deadline(struct supervision *s)
{
	s->deadline = NEVER;
	switch (s->phase) {
	case STOPPING:
	case LEAVING:
		on_grace_over(s);
		break;
	case KILLING:
		if (s->progress) {
			s->progress = false;
			s->deadline = after(KILL_WAIT);
		} else if (s->role == OUTER && s->child.pid && !s->reaper.ended) {
			say_waiting();
		} else {
			if (!s->ended && !WIFSIGNALED(s->status))
				s->status = killed_by(SIGKILL);
			enter(s, OVER, NEVER);
		}
		break;
	case HUNG_UP:
		say_waiting();
		break;
	case RUNNING:
	case OVER:
		break;
	}
}

/* --- the loop --- */

/* Signal what was forked since the last pass, by a process that had not received the signal yet. */
static void catch_up(struct supervision *s, bool more)
{
	if (s->phase == KILLING && !more && (s->role != OUTER || s->reaper.ended))
		descendants_signal(SIGKILL);
	else if (s->phase == LEAVING && s->sweeping)
		s->sweeping = descendants_signal(SIGTERM);
	/* Do not wait for processes that nsinit may not signal. */
	if (s->phase == LEAVING && s->ended && s->denied && !descendants_any_left())
		enter(s, OVER, NEVER);
}

enum { SETTLED_AFTER = 100 }; /* ms without an event, after the start */

/* Return the smaller of MS and LEFT, where a negative LEFT is infinite. */
static int at_most(int ms, int left)
{
	return left < 0 || left > ms ? ms : left;
}

/* Return the timeout for poll(2). */
static int time_to_wait(const struct supervision *s, bool more, bool settled)
{
	int left = time_left(s);

	if (more)
		return 0;
	if (s->sweeping)
		return at_most(PASS_INTERVAL, left);
	return settled ? left : at_most(SETTLED_AFTER, left);
}

void supervise(struct supervision *s)
{
	enum { PEER, SIGNALS, CHILD, WATCHED };
	bool more = on_children(s); /* one may have ended already */
	bool settled = false;

	for (unsigned int turn = 0; s->phase != OVER; turn++) {
		struct pollfd fds[WATCHED] = {[PEER] = {.fd = s->peer, .events = POLLIN},
		    [SIGNALS] = {.fd = s->reaper.signals, .events = POLLIN},
		    [CHILD] = reaper_poll(&s->reaper, &s->child)};

		/* These two take an eighth of the time of a start. A COMMAND that ends soon should
		 * not pay for them. */
		if (turn == 1)
			signals_hurry();
		if (!poll(fds, WATCHED, time_to_wait(s, more, settled)) && !more && !settled) {
			settled = true;
			memory_release();
		}
		/* The inner process reports COMMAND's status before it exits: read that first. */
		if (fds[PEER].revents)
			on_peer(s, fds[PEER].revents);
		if (fds[SIGNALS].revents)
			on_signals(s);
		more = on_children(s);
		catch_up(s, more);
		if (s->phase != OVER && !time_left(s))
			on_deadline(s);
	}
}

/* --- what was decided --- */

static const char *who_reaps(const struct supervision *s)
{
	if (s->reaper.delegated)
		return "the kernel";
	if (s->role != ALONE || s->original_pid != 1)
		return "nsinit";
	if (s->opt->warn || log_to.level >= DEBUG)
		return "nsinit, since each is logged";
	return "nsinit, since the kernel (before Linux 6.15) or a filter requires it";
}

void supervise_describe(const struct supervision *s)
{
	static const char *const roles[] = {"alone", "the outer process", "the inner process"};
	static const char *const terminals[] = {"none", "shared with the shell above",
	    "shared, COMMAND has a group of its own", "handed to COMMAND"};
	char stops[128] = "", grace[16] = "none", name[12];
	size_t n = 0;

	if (log_to.level < VERBOSE)
		return;
	for (int sig = 1; sig <= SIG_LAST; sig++)
		if (is_stop(s, sig) && n < sizeof(stops) - 16)
			n += format(stops + n, sizeof(stops) - n, "%s%s", n ? " " : "",
			    signal_name(sig, name));
	if (s->grace == GRACE_FOREVER)
		format(grace, sizeof(grace), "infinity");
	else if (s->grace != GRACE_NONE)
		format_seconds(grace, s->grace);
	say(VERBOSE,
	    "%s, %s; orphans reaped by: %s; terminal: %s; stop signals: %s; grace: %s; as %s",
	    roles[s->role], s->self == 1 ? "PID 1" : "subreaper", who_reaps(s),
	    terminals[s->terminal.role], stops, grace, s->opt->persona);
}
