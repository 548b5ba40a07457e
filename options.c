/* The command line and the environment: one table of options, which the help text is made of. */
#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>

#include "kernel.h"
#include "log.h"
#include "machine.h"
#include "namespace.h"
#include "text.h"

#ifndef NSINIT_VERSION
#define NSINIT_VERSION "0"
#define NSINIT_COMMIT  "unknown"
#endif

/* Signals that cannot be forwarded or request a stop: KILL and STOP cannot be caught, and every
 * child that ends sends CHLD. */
#define NEVER_TAKEN (SIGBIT(SIGKILL) | SIGBIT(SIGSTOP) | SIGBIT(SIGCHLD))

/* clang-format off */
enum option {
	FLAG, WORD, SIGNAL, PARENT_DEATH, UNSHARE, NAMESPACE, OFFSET, MOUNT_PROC, PROPAGATION,
	NOTHING, SINGLE, GROUP, SINGLE_OR_GROUP, REWRITE, GRACE, STOP_SIGNAL, REMAP, ON_EXIT,
	VERBOSITY, LEVEL, HELP, VERSION
};

enum kind {
	NO_VALUE, A_SIGNAL, A_USELESS_SIGNAL, A_REWRITE, A_DURATION, AN_OFFSET, A_STATUS, A_MODE,
	AN_ACTION, A_DIRECTORY, A_FILE, A_HOSTNAME, A_LEVEL, A_SWITCH
};

/*
 * The kinds of values that options take, in the order of enum kind: the noun in a usage error, the
 * word in the help text, and what is valid. It is one string for word_at(), because an array would
 * need a pointer for each text.
 */
static const char kinds[] =
	"value\0" "\0" "the option takes none\0"
	"signal\0" "SIG\0" "a name such as TERM or RTMIN+3, or 1 to 64\0"
	"signal\0" "\0" "nsinit cannot act on it\0"
	"rewrite\0" "FROM:TO\0" "two signals such as TERM:QUIT, or TERM:0\0"
	"duration\0" "SECONDS\0" "seconds such as 10 or 0.5, or \"infinity\"\0"
	"offset\0" "SECONDS\0" "seconds such as -0.5, up to 1000000000\0"
	"status\0" "CODE\0" "0 to 255\0"
	"mode\0" "MODE\0" "private, slave, shared, unchanged\0"
	"action\0" "ACTION\0" "exit, poweroff, reboot, halt\0"
	"directory\0" "DIR\0" "a path\0"
	"file\0" "FILE\0" "a path\0"
	"name\0" "NAME\0" "1 to 64 bytes\0"
	"level\0" "\0" "0 to 9\0"
	"value\0" "\0" "0 or 1";
enum { NOUN, WORD_IN_HELP, VALID, COLUMNS };

static const char *kind_text(unsigned int kind, int column)
{
	return word_at(kinds, (int)kind * COLUMNS + column);
}

#define AT(field) offsetof(struct options, field) /* where apply() stores the value */

/*
 * Each row: what apply() does, the kind of its value, whether the value is optional (it can then
 * only be attached), the letter or 0, where the value is stored, the name, and the help text.
 */
#define OPTIONS \
	ROW(UNSHARE, NO_VALUE, 0, 'u', 0, "unshare", "short for --pid --mount --mount-proc") \
	ROW(NAMESPACE, NO_VALUE, 0, 0, 0, "pid", "new PID namespace") \
	ROW(NAMESPACE, NO_VALUE, 0, 0, 0, "mount", "new mount namespace") \
	ROW(NAMESPACE, NO_VALUE, 0, 0, 0, "uts", "new UTS namespace") \
	ROW(NAMESPACE, NO_VALUE, 0, 0, 0, "ipc", "new IPC namespace") \
	ROW(NAMESPACE, NO_VALUE, 0, 0, 0, "net", "new network namespace, loopback up") \
	ROW(NAMESPACE, NO_VALUE, 0, 0, 0, "user", "new user namespace") \
	ROW(NAMESPACE, NO_VALUE, 0, 0, 0, "cgroup", "new cgroup namespace") \
	ROW(NAMESPACE, NO_VALUE, 0, 0, 0, "time", "new time namespace") \
	ROW(OFFSET, AN_OFFSET, 0, 0, AT(monotonic), "monotonic", "move this clock; implies --time") \
	ROW(OFFSET, AN_OFFSET, 0, 0, AT(boottime), "boottime", "move this clock; implies --time") \
	ROW(MOUNT_PROC, A_DIRECTORY, 1, 0, 0, "mount-proc", "mount a fresh procfs at DIR [/proc]") \
	ROW(WORD, A_DIRECTORY, 0, 0, AT(export_proc), "export-proc", "show the new procfs to the caller at DIR") \
	ROW(FLAG, NO_VALUE, 0, 0, AT(map_root), "map-root-user", "new user namespace, be root in it") \
	ROW(FLAG, NO_VALUE, 0, 0, AT(map_current), "map-current-user", "new user namespace, keep the ids") \
	ROW(PROPAGATION, A_MODE, 0, 0, 0, "propagation", "of all mounts [slave]") \
	ROW(WORD, A_DIRECTORY, 0, 0, AT(root), "root", "make DIR the root directory") \
	ROW(WORD, A_DIRECTORY, 0, 0, AT(directory), "wd", "make DIR the working directory") \
	ROW(WORD, A_HOSTNAME, 0, 0, AT(hostname), "hostname", "set the hostname; implies --uts") \
	ROW(WORD, A_FILE, 0, 0, AT(pid_file), "pid-file", "keep COMMAND's PID in FILE") \
	ROW(NOTHING, NO_VALUE, 0, 0, 0, "fork", "accepted: nsinit always forks") \
	ROW(SIGNAL, A_SIGNAL, 1, 0, AT(kill_child), "kill-child", "send SIG before KILL when nsinit dies") \
	ROW(SINGLE, NO_VALUE, 0, 'c', 0, "single-child", "signal COMMAND alone, not its group") \
	ROW(GROUP, NO_VALUE, 0, 'g', 0, "group", "give COMMAND its own process group") \
	ROW(REWRITE, A_REWRITE, 0, 'r', 0, "rewrite", "forward signal FROM as TO; 0 drops it") \
	ROW(PARENT_DEATH, A_SIGNAL, 0, 'p', 0, "pdeathsig", "get SIG when nsinit's parent dies") \
	ROW(NOTHING, NO_VALUE, 0, 's', 0, "subreaper", "accepted: nsinit always adopts orphans") \
	ROW(GRACE, A_DURATION, 0, 't', 0, "grace", "how long a stop may take, or infinity") \
	ROW(STOP_SIGNAL, A_SIGNAL, 0, 0, 0, "stop-signal", "a signal that asks for a stop [TERM]") \
	ROW(FLAG, NO_VALUE, 0, 0, AT(linger), "linger", "stay until no process is left") \
	ROW(REMAP, A_STATUS, 0, 'e', 0, "remap-exit", "exit 0 instead of with status CODE") \
	ROW(FLAG, NO_VALUE, 0, 'w', AT(warn), "warn-on-reap", "log each orphan reaped") \
	ROW(FLAG, NO_VALUE, 0, 'P', AT(pause), "pause", "no COMMAND: reap until TERM or INT") \
	ROW(ON_EXIT, AN_ACTION, 0, 0, 0, "on-exit", "exit, poweroff, reboot, halt") \
	ROW(VERBOSITY, NO_VALUE, 0, 'v', 0, "verbose", "log what happens; -vv: each process reaped") \
	ROW(HELP, NO_VALUE, 0, 'h', 0, "help", "print this text") \
	ROW(VERSION, NO_VALUE, 0, 'V', 0, "version", "print the version")

/* The environment variables that PID 1 reads, for an image whose ENTRYPOINT cannot be changed. */
#define VARIABLES \
	ROW(LEVEL, A_LEVEL, 0, 0, 0, "NSINIT_VERBOSE", "") \
	ROW(GRACE, A_DURATION, 0, 0, 0, "NSINIT_GRACE", "") \
	ROW(SINGLE_OR_GROUP, A_SWITCH, 0, 0, 0, "NSINIT_SINGLE_CHILD", "")

struct row {
	unsigned char id;
	unsigned char kind;
	bool optional;
	char letter;
	unsigned short at;
};

#define ROW(id, kind, optional, letter, at, name, help) {id, kind, optional, letter, at},
static const struct row rows[] = {OPTIONS VARIABLES};
#undef ROW
/* The names and the help texts, in one string: an array of pointers has 8 bytes for each. */
#define ROW(id, kind, optional, letter, at, name, help) name "\0" help "\0"
static const char texts[] = OPTIONS VARIABLES;
#undef ROW
/* NOLINTNEXTLINE(bugprone-macro-parentheses): the sum of the rows is wanted. */
#define ROW(...) +1
/* clang-format on */
enum { OPTION_ROWS = 0 OPTIONS, ROWS = OPTION_ROWS VARIABLES };

static const char *name_of(const struct row *row)
{
	return word_at(texts, 2 * (int)(row - rows));
}

/*
 * The programs that nsinit replaces if it is started under one of their names, with their defaults.
 */
static const struct persona {
	const char *names;   /* each ends with a NUL, the last with two */
	const char *version; /* before the number */
	const char *verbose; /* the peer's variable that corresponds to -v, or NULL */
	const char *turn;    /* the same for the opposite of SINGLE: -g or -c */
	char verbose_if;     /* the value of VERBOSE that counts; 0: any */
	char turn_if;        /* likewise */
	bool level;          /* VERBOSE is a number, and each step above 1 counts */
	bool single;
	bool end_group;
	bool suspend;
	bool pause;
	bool pause_alone;        /* -P ignores a COMMAND */
	char license;            /* the option that shows it */
	unsigned char bad_usage; /* the exit status */
				 /* clang-format off */
} personas[] = {
	{.names = "nsinit\0", .version = "nsinit version ", .bad_usage = STATUS_FAILED},
	{.names = "tini\0tini-static\0docker-init\0", .version = "tini version ", .license = 'l',
	    .verbose = "TINI_VERBOSITY", .level = true,
	    .turn = "TINI_KILL_PROCESS_GROUP", .single = true, .bad_usage = 1},
	/* --version also prints tini's version, because dockerd looks for it. */
	{.names = "catatonit\0podman-init\0", .version = "tini version ", .license = 'L',
	    .verbose = "CATATONIT_DEBUG",
	    .single = true, .pause_alone = true, .bad_usage = 1},
	{.names = "dumb-init\0", .version = "dumb-init v",
	    .verbose = "DUMB_INIT_DEBUG", .verbose_if = '1', .turn = "DUMB_INIT_SETSID", .turn_if = '0',
	    .end_group = true, .suspend = true, .bad_usage = 1},
	/* The sandbox image of a Kubernetes node starts its program under this name. */
	{.names = "pause\0", .version = "pause.c ",
	    .pause = true, .pause_alone = true, .bad_usage = STATUS_FAILED},
};
/* clang-format on */
enum { PERSONAS = sizeof(personas) / sizeof(*personas) };

struct reading {
	struct options *opt;
	const struct persona *as;
	const struct row *row;   /* the option or variable that is being read */
	char option[24];         /* how the user wrote it */
	const char *propagation; /* the mode that was asked for, or NULL */
	int verbosity;           /* how many -v */
};

static _Noreturn void leave(const struct reading *r, const char *option, const char *why)
{
	die(r->as->bad_usage, "%s: %s", option, why);
}

/* Refuse VALUE, which is not a valid KIND for the current option; NULL if it is missing. */
static _Noreturn void refuse(const struct reading *r, enum kind kind, const char *value)
{
	const char *quote = value ? "'" : "";

	die(r->as->bad_usage, "%s: %s %s%s%s%s%s (%s)", r->option, value ? "invalid" : "missing",
	    kind_text(kind, NOUN), value ? " " : "", quote, value ? value : "", quote,
	    kind_text(kind, VALID));
}

/* Do the same with the kind of value that the option takes. */
static _Noreturn void refuse_value(const struct reading *r, const char *value)
{
	refuse(r, (enum kind)r->row->kind, value);
}

static _Noreturn void print(const char *text, size_t length)
{
	if (write(STDOUT_FILENO, text, length) != (ssize_t)length)
		die(STATUS_FAILED, "cannot write to stdout: %m");
	quit(0);
}

static _Noreturn void help(void)
{
	char text[4096];
	size_t n = format(text, sizeof(text),
	    "Usage: nsinit [OPTION]... [--] COMMAND [ARG]...\n"
	    "Start COMMAND, forward signals to it, reap orphans, exit with its status.\n\n");

	for (const struct row *row = rows; row < rows + OPTION_ROWS; row++) {
		size_t start = n;
		char letter[] = {'-', row->letter, ',', '\0'};
		const char *before = "";

		if (row->kind)
			before = row->optional ? "[=" : " ";
		n += format(text + n, sizeof(text) - n, "  %s --%s%s%s%s",
		    row->letter ? letter : "   ", name_of(row), before,
		    kind_text(row->kind, WORD_IN_HELP), row->optional ? "]" : "");
		while (n - start < 30)
			text[n++] = ' ';
		n += format(text + n, sizeof(text) - n, " %s\n", word_at(name_of(row), 1));
	}
	n += format(text + n, sizeof(text) - n,
	    "\nStatus: COMMAND's; 128+N: ended by signal N; 125: nsinit failed;\n"
	    "126: COMMAND cannot be executed; 127: COMMAND not found. See nsinit(1).\n");
	print(text, n);
}

static _Noreturn void print_version(const struct reading *r)
{
	char text[128];

	print(text, format(text, sizeof(text), "%s" NSINIT_VERSION " - git." NSINIT_COMMIT "\n",
			r->as->version));
}

static int read_signal(const struct reading *r, const char *word, sigmask useless)
{
	int sig = signal_number(word);

	if (sig && !(SIGBIT(sig) & useless))
		return sig;
	refuse(r, sig ? A_USELESS_SIGNAL : A_SIGNAL, word);
}

static int read_number(const struct reading *r, const char *word, int max)
{
	int n = number_of(word, max);

	if (n < 0)
		refuse_value(r, word);
	return n;
}

/* A decimal number from 0 to SECONDS_MAX: "10", "0.5", ".5". Fractions of a nanosecond are cut. */
enum { SECONDS_MAX = 1000000000, NS_PER_SECOND = 1000000000, NS_PER_MS = 1000000 };

static void read_seconds(
    const struct reading *r, const char *word, const char *p, struct time_offset *time)
{
	bool no_digit = p[0] == '.' && p[1] == '\0';
	int unit = NS_PER_SECOND / 10;

	time->seconds = 0;
	time->nanoseconds = 0;
	if (*p != '.')
		time->seconds = read_digits(&p, SECONDS_MAX);
	if (time->seconds < 0 || no_digit)
		refuse_value(r, word);
	if (*p == '.')
		p++;
	for (; *p >= '0' && *p <= '9'; p++) {
		time->nanoseconds += unit * (*p - '0');
		unit /= 10;
	}
	if (*p)
		refuse_value(r, word);
}

static void read_grace(const struct reading *r, const char *word)
{
	struct time_offset grace;

	if (!strcmp(word, "infinity")) {
		r->opt->grace = GRACE_FOREVER;
		return;
	}
	read_seconds(r, word, word, &grace);
	r->opt->grace = INT64_C(1000) * grace.seconds + grace.nanoseconds / NS_PER_MS;
}

static void read_offset(const struct reading *r, const char *word, struct time_offset *offset)
{
	bool negative = *word == '-';

	read_seconds(r, word, word + negative, offset);
	offset->set = true;
	if (!negative)
		return;
	offset->seconds = -offset->seconds;
	if (offset->nanoseconds) {
		offset->seconds--;
		offset->nanoseconds = NS_PER_SECOND - offset->nanoseconds;
	}
}

static void read_rewrite(const struct reading *r, const char *word)
{
	size_t n = (size_t)(find_char(word, ':') - word);
	const char *to = word + n + 1;
	char from[16];
	int sig;

	if (!word[n] || n >= sizeof(from))
		refuse_value(r, word);
	memcpy(from, word, n);
	from[n] = '\0';
	sig = read_signal(r, from, NEVER_TAKEN);
	r->opt->rewritten |= SIGBIT(sig);
	r->opt->renamed[sig] = 0;
	if (strcmp(to, "0") != 0)
		r->opt->renamed[sig] = (uint8_t)read_signal(r, to, 0);
}

static void set_single(struct options *opt, bool single)
{
	opt->single = single;
	opt->group = !single;
}

/* Return the index of WORD among the valid words. */
static int read_choice(const struct reading *r, const char *word)
{
	const char *valid = kind_text(r->row->kind, VALID);

	if (*find_char(word, ','))
		refuse_value(r, word);
	for (int i = 0; *valid; i++) {
		const char *rest = text_after(valid, word);

		if (rest && (!*rest || *rest == ','))
			return i;
		valid = find_char(valid, ',');
		if (*valid)
			valid += strlen(", ");
	}
	refuse_value(r, word);
}

static void read_propagation(struct reading *r, const char *word)
{
	/* In the order of the words for A_MODE. */
	static const unsigned int modes[] = {MS_PRIVATE, MS_SLAVE, MS_SHARED, 0};

	r->opt->propagation = modes[read_choice(r, word)];
	r->propagation = word;
}

enum { HOSTNAME_MAX = 64 }; /* __NEW_UTS_LEN in linux/utsname.h; HOST_NAME_MAX differs by libc */

/* Store VALUE, which is "" if the option has none. */
static void apply(struct reading *r, const char *value)
{
	struct options *opt = r->opt;
	void *at = (char *)opt + r->row->at;

	switch ((enum option)r->row->id) {
	case FLAG:
		*(bool *)at = true;
		break;
	case WORD:
		if (r->row->kind == A_HOSTNAME && strlen(value) > HOSTNAME_MAX)
			refuse_value(r, value);
		memcpy(at, &value, sizeof(value));
		break;
	case SIGNAL:
		*(int *)at = *value ? read_signal(r, value, 0) : 0;
		break;
	case PARENT_DEATH:
		/* nsinit could not distinguish SIGCHLD from those that its children cause. */
		opt->parent_death = read_signal(r, value, SIGBIT(SIGCHLD));
		break;
	case UNSHARE:
		opt->namespaces |= CLONE_NEWPID | CLONE_NEWNS;
		if (!opt->proc)
			opt->proc = "/proc";
		break;
	case MOUNT_PROC:
		opt->proc = *value ? value : "/proc";
		break;
	case NAMESPACE:
		opt->namespaces |= namespace_flag(name_of(r->row));
		break;
	case OFFSET:
		opt->namespaces |= namespace_flag("time");
		read_offset(r, value, at);
		break;
	case PROPAGATION:
		read_propagation(r, value);
		break;
	case NOTHING:
		break;
	case SINGLE:
	case GROUP:
		set_single(opt, r->row->id == SINGLE);
		break;
	case SINGLE_OR_GROUP:
		set_single(opt, read_number(r, value, 1));
		break;
	case REWRITE:
		read_rewrite(r, value);
		break;
	case GRACE:
		read_grace(r, value);
		break;
	case STOP_SIGNAL:
		opt->stop |= SIGBIT(read_signal(r, value, NEVER_TAKEN));
		break;
	case REMAP:
		opt->remap[read_number(r, value, 255)] = true;
		break;
	case ON_EXIT:
		/* The enum has the order of the words for AN_ACTION, after ON_EXIT_UNSET. */
		opt->on_exit = ON_EXIT_EXIT + (unsigned int)read_choice(r, value);
		break;
	case VERBOSITY:
		r->verbosity++;
		break;
	case LEVEL:
		log_to.level = read_number(r, value, 9);
		break;
	case HELP:
		help();
	case VERSION:
		print_version(r);
	}
}

/* Read an option. Its value is ATTACHED, or the next word if the option requires one. Return the
 * number of words used. */
static int take(struct reading *r, char **argv, const char *attached)
{
	if (attached && (!*attached || !r->row->kind))
		refuse_value(r, attached);
	if (attached || !r->row->kind || r->row->optional) {
		apply(r, attached ? attached : "");
		return 1;
	}
	if (!argv[1] || !*argv[1])
		refuse_value(r, argv[1]);
	apply(r, argv[1]);
	return 2;
}

static _Noreturn void refuse_unknown(const struct reading *r, const char *word)
{
	leave(r, word, "unknown option (see --help)");
}

/* "--name", "--name=value" or "--name value". */
static int read_long(struct reading *r, char **argv)
{
	const char *name = argv[0] + 2;

	for (const struct row *row = rows; row < rows + OPTION_ROWS; row++) {
		const char *rest = text_after(name, name_of(row));

		if (!rest || (*rest && *rest != '='))
			continue;
		r->row = row;
		format(r->option, sizeof(r->option), "--%s", name_of(row));
		return take(r, argv, *rest ? rest + 1 : NULL);
	}
	refuse_unknown(r, argv[0]);
}

static void find_letter(struct reading *r, char letter, const char *word)
{
	for (const struct row *row = rows; row < rows + OPTION_ROWS; row++) {
		if (row->letter != letter)
			continue;
		r->row = row;
		r->option[0] = '-';
		r->option[1] = letter;
		r->option[2] = '\0';
		return;
	}
	refuse_unknown(r, word);
}

/* "-vw", "-t5" or "-t 5". */
static int read_short(struct reading *r, char **argv)
{
	for (const char *p = argv[0] + 1; *p; p++) {
		if (*p == r->as->license)
			print("nsinit: MIT license\n", 20);
		if (*p == 'v' && r->as->pause)
			print_version(r);
		find_letter(r, *p, argv[0]);
		if (r->row->kind)
			return take(r, argv, p[1] ? p + 1 : NULL);
		apply(r, "");
	}
	return 1;
}

/* Return the value of a peer's variable if it stands for an option: if it is IF_VALUE, or anything
 * if that is 0. Otherwise return NULL. */
static const char *value_of(const char *name, char if_value)
{
	const char *value = name ? environment(name) : NULL;

	if (value && if_value && (value[0] != if_value || value[1]))
		return NULL;
	return value;
}

/* Read the peer's own variables. Ignore wrong values, as the peer does, so that an image still
 * starts. */
static void read_peers_environment(struct reading *r)
{
	const char *value = value_of(r->as->verbose, r->as->verbose_if);

	if (value)
		log_to.level = 1;
	if (value && r->as->level) {
		int level = number_of(value, 9) - 1;

		log_to.level = level > 0 ? level : 0;
	}
	if (value_of(r->as->turn, r->as->turn_if))
		set_single(r->opt, !r->opt->single);
}

static void read_environment(struct reading *r)
{
	for (const struct row *row = rows + OPTION_ROWS; row < rows + ROWS; row++) {
		const char *value = environment(name_of(row));

		if (!value || !*value)
			continue;
		r->row = row;
		format(r->option, sizeof(r->option), "%s", name_of(row));
		apply(r, value);
	}
}

/* Apply what the options imply. */
static void complete(struct reading *r)
{
	struct options *opt = r->opt;

	if (opt->map_root || opt->map_current)
		opt->namespaces |= CLONE_NEWUSER;
	if (opt->hostname)
		opt->namespaces |= CLONE_NEWUTS;
	if (opt->root || (opt->proc && opt->namespaces))
		opt->namespaces |= CLONE_NEWNS;
	if (!opt->stop)
		opt->stop = SIGBIT(SIGTERM);
	opt->end_group = r->as->end_group && !opt->single;
	opt->suspend = r->as->suspend;
	if (r->verbosity)
		log_to.level = r->verbosity;
}

/* Refuse options that contradict each other. */
static void check_together(const struct reading *r)
{
	const struct options *opt = r->opt;

	if (opt->export_proc && !(opt->namespaces & CLONE_NEWPID))
		leave(r, "--export-proc", "needs --pid");
	/* The kernel would refuse this with EPERM, which does not show the reason. */
	if (opt->export_proc && opt->namespaces & CLONE_NEWUSER)
		leave(r, "--export-proc", "a new user namespace cannot mount in the caller's");
	if (opt->proc && (opt->namespaces & (CLONE_NEWUSER | CLONE_NEWPID)) == CLONE_NEWUSER)
		leave(r, "--mount-proc", "needs --pid in a new user namespace");
	if (opt->map_root && opt->map_current)
		leave(r, "--map-current-user", "cannot be used with --map-root-user");
	/* pivot_root(2) refuses a shared root, and its mounts would appear in the caller's
	 * namespace. */
	if (opt->root && opt->propagation != MS_SLAVE && opt->propagation != MS_PRIVATE)
		die(r->as->bad_usage,
		    "--propagation: invalid mode '%s' with --root (private or slave)",
		    r->propagation);
}

/* Refuse options that would have no effect. */
static void check_effect(const struct reading *r)
{
	const struct options *opt = r->opt;

	if (r->propagation && !(opt->namespaces & CLONE_NEWNS))
		leave(r, "--propagation", "needs --mount");
	if (opt->kill_child && !opt->namespaces)
		leave(r, "--kill-child", "a signal needs a new namespace");
	if (opt->pid_file && opt->pause && !opt->namespaces)
		leave(r, "--pid-file", "needs a new namespace with --pause");
}

static void check_command(const struct reading *r)
{
	const struct options *opt = r->opt;

	if (opt->pause && *opt->command && !r->as->pause_alone)
		die(r->as->bad_usage, "--pause: invalid COMMAND '%s' (the option takes none)",
		    *opt->command);
	if (!opt->pause && !*opt->command)
		die(r->as->bad_usage, "COMMAND is missing (see --help)");
}

/* Return whether nsinit has capabilities that only its file can have given it. */
static bool has_file_capabilities(void)
{
	uint32_t sets[CAPABILITY_WORDS] = {0};

	syscall(SYS_capget, CAPABILITIES_OF_SELF, sets);
	for (int cap = 0; cap < 64; cap++) {
		bool permitted = sets[cap / 32 * 3 + 1] >> cap % 32 & 1;

		if (permitted && syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET,
				     (long)cap, 0L, 0L) != 1)
			return true;
	}
	return false;
}

/*
 * Return whether nsinit has privileges that come from its file. AT_SECURE alone does not prove it:
 * a security module also sets it when a container's first process enters another domain (SELinux
 * without noatsecure).
 */
static bool is_raised(void)
{
	if (!getauxval(AT_SECURE))
		return false;
	if (getuid() != geteuid() || getgid() != getegid())
		return true;
	/* Root has its capabilities because of its user ID. */
	if (getuid() == 0)
		return false;
	return has_file_capabilities();
}

/*
 * Choose the program that nsinit acts as, by the last part of the name that it was started under.
 */
static void choose_persona(struct reading *r, const char *name)
{
	if (strrchr(name, '/'))
		name = strrchr(name, '/') + 1;
	for (int i = 0; i < PERSONAS; i++) {
		int known = word_index(personas[i].names, name);

		if (known < 0)
			continue;
		r->as = &personas[i];
		r->opt->persona = word_at(personas[i].names, known);
	}
	r->opt->single = r->as->single;
	r->opt->pause = r->as->pause;
}

void options_parse(struct options *opt, char **argv, pid_t self)
{
	struct reading r = {.opt = opt, .as = personas};

	*opt = (struct options){
	    .persona = personas->names, .propagation = MS_SLAVE, .grace = GRACE_NONE};
	choose_persona(&r, *argv ? *argv : "");
	/* A caller with fewer privileges could use nsinit's, because nsinit does not check its
	 * caller. */
	if (is_raised())
		leave(
		    &r, opt->persona, "must not be installed setuid, setgid or with capabilities");
	/* The command line is read last, so that it overrides the environment. */
	read_peers_environment(&r);
	if (self == 1)
		read_environment(&r);
	if (*argv)
		argv++;
	while (*argv && argv[0][0] == '-' && argv[0][1]) {
		if (!strcmp(*argv, "--")) {
			argv++;
			break;
		}
		argv += argv[0][1] == '-' ? read_long(&r, argv) : read_short(&r, argv);
	}
	opt->command = argv;
	complete(&r);
	check_together(&r);
	check_effect(&r);
	check_command(&r);
}
