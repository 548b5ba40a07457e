/* The command line and the environment: one table of options, which the help text is made of. */
#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mount.h>

#include "kernel.h"
#include "log.h"
#include "namespace.h"
#include "shutdown.h"

#ifndef NSINIT_VERSION
#define NSINIT_VERSION "0"
#define NSINIT_COMMIT  "unknown"
#endif

/* clang-format off */
enum option {
	FLAG, WORD, SIGNAL, UNSHARE, NAMESPACE, MOUNT_PROC, PROPAGATION, NOTHING, SINGLE, GROUP,
	REWRITE, GRACE, STOP_SIGNAL, REMAP, ON_EXIT, VERBOSITY, HELP, VERSION
};
/* clang-format on */

enum argument { NO_ARGUMENT, ARGUMENT, MAYBE };

#define AT(field) offsetof(struct options, field) /* where a FLAG, a WORD or a SIGNAL is put */

static const struct row {
	unsigned char id;
	unsigned char argument;
	char letter;
	const char *name;
	const char *what; /* its argument in the help text */
	const char *help;
	size_t at;
	/* clang-format off */
} rows[] = {
	{UNSHARE, 0, 'u', "unshare", "", "short for --pid --mount --mount-proc", 0},
	{NAMESPACE, 0, 0, "pid", "", "new PID namespace", 0},
	{NAMESPACE, 0, 0, "mount", "", "new mount namespace", 0},
	{NAMESPACE, 0, 0, "uts", "", "new UTS namespace", 0},
	{NAMESPACE, 0, 0, "ipc", "", "new IPC namespace", 0},
	{NAMESPACE, 0, 0, "net", "", "new network namespace, loopback up", 0},
	{NAMESPACE, 0, 0, "user", "", "new user namespace", 0},
	{NAMESPACE, 0, 0, "cgroup", "", "new cgroup namespace", 0},
	{MOUNT_PROC, MAYBE, 0, "mount-proc", "[=DIR]", "mount a fresh procfs at DIR [/proc]", 0},
	{WORD, ARGUMENT, 0, "export-proc", " DIR", "show the new procfs to the caller at DIR", AT(export_proc)},
	{FLAG, 0, 0, "map-root-user", "", "new user namespace, be root in it", AT(map_root)},
	{PROPAGATION, ARGUMENT, 0, "propagation", " MODE", "of all mounts: slave or private [slave]", 0},
	{WORD, ARGUMENT, 0, "root", " DIR", "make DIR the root directory", AT(root)},
	{WORD, ARGUMENT, 0, "wd", " DIR", "make DIR the working directory", AT(directory)},
	{WORD, ARGUMENT, 0, "hostname", " NAME", "set the hostname; implies --uts", AT(hostname)},
	{WORD, ARGUMENT, 0, "pid-file", " FILE", "keep COMMAND's PID in FILE", AT(pid_file)},
	{NOTHING, 0, 0, "fork", "", "accepted: nsinit always forks", 0},
	{SIGNAL, MAYBE, 0, "kill-child", "[=SIG]", "send SIG before KILL when nsinit dies", AT(kill_child)},
	{SINGLE, 0, 'c', "single-child", "", "signal COMMAND alone, not its group", 0},
	{GROUP, 0, 'g', "group", "", "COMMAND in a process group of its own", 0},
	{REWRITE, ARGUMENT, 'r', "rewrite", " FROM:TO", "pass signal FROM on as TO, 0 drops it", 0},
	{SIGNAL, ARGUMENT, 'p', "pdeathsig", " SIG", "get SIG when nsinit's parent dies", AT(parent_death)},
	{NOTHING, 0, 's', "subreaper", "", "accepted: nsinit always adopts orphans", 0},
	{GRACE, ARGUMENT, 't', "grace", " SECONDS", "how long a stop may take, or infinity", 0},
	{STOP_SIGNAL, ARGUMENT, 0, "stop-signal", " SIG", "a signal that asks for the stop [TERM]", 0},
	{REMAP, ARGUMENT, 'e', "remap-exit", " CODE", "exit 0 where the status would be CODE", 0},
	{FLAG, 0, 'w', "warn-on-reap", "", "say a line for each orphan reaped", AT(warn)},
	{FLAG, 0, 'P', "pause", "", "no COMMAND: reap until TERM or INT", AT(pause)},
	{ON_EXIT, ARGUMENT, 0, "on-exit", " ACTION", "exit, poweroff, reboot or halt", 0},
	{VERBOSITY, 0, 'v', "verbose", "", "say what happens; -vv each process reaped", 0},
	{HELP, 0, 'h', "help", "", "this text", 0},
	{VERSION, 0, 'V', "version", "", "the version", 0},
};
/* clang-format on */
enum { ROWS = sizeof(rows) / sizeof(*rows) };

/* Of the environment: it stands for an option where it is set to VALUE, or at all where that is
 * NULL. */
struct variable {
	const char *name;
	const char *value;
	bool level; /* it is a number, and what is over 1 counts */
};

/* Whose place is taken, told by the name that nsinit was started under, and that program's
 * defaults. */
static const struct persona {
	const char *names[2];
	const char *version;     /* before the number */
	struct variable verbose; /* as -v */
	struct variable turn; /* as -g where COMMAND alone is signalled, as -c where its group is */
	char license;         /* the letter that shows it */
	bool single;
	bool end_group;
	bool suspend;
	bool pause_alone;        /* -P takes no notice of a COMMAND */
	unsigned char bad_usage; /* the status */
				 /* clang-format off */
} personas[] = {
	{.names = {"nsinit"}, .version = "nsinit version ", .bad_usage = STATUS_FAILED},
	{.names = {"tini", "docker-init"}, .version = "tini version ", .license = 'l',
	    .verbose = {"TINI_VERBOSITY", NULL, true}, .turn = {"TINI_KILL_PROCESS_GROUP", NULL, false},
	    .single = true, .bad_usage = 1},
	/* Its version is tini's, too: dockerd looks for that. */
	{.names = {"catatonit", "podman-init"}, .version = "tini version ", .license = 'L',
	    .verbose = {"CATATONIT_DEBUG", NULL, false},
	    .single = true, .pause_alone = true, .bad_usage = 1},
	{.names = {"dumb-init"}, .version = "dumb-init v",
	    .verbose = {"DUMB_INIT_DEBUG", "1", false}, .turn = {"DUMB_INIT_SETSID", "0", false},
	    .end_group = true, .suspend = true, .bad_usage = 1},
};
/* clang-format on */

struct reading {
	struct options *opt;
	const struct persona *as;
	int verbosity; /* how many -v */
};

/* NOLINTBEGIN(clang-analyzer-core.N*): a kind that needs a word is in a row with an argument. */
static _Noreturn void leave(const struct reading *r, const char *word, const char *why)
{
	die(r->as->bad_usage, "%s%s%s (see --help)", word, *word ? ": " : "", why);
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
	    "Start COMMAND, pass signals on to it, reap orphans, exit with its status.\n\n");

	for (int i = 0; i < ROWS; i++) {
		size_t start = n;
		char letter[] = {'-', rows[i].letter, ',', '\0'};

		n += format(text + n, sizeof(text) - n, "  %s --%s%s",
		    rows[i].letter ? letter : "   ", rows[i].name, rows[i].what);
		while (n - start < 30)
			text[n++] = ' ';
		n += format(text + n, sizeof(text) - n, " %s\n", rows[i].help);
	}
	n += format(text + n, sizeof(text) - n,
	    "\nStatus: COMMAND's; 128+N: ended by signal N; 125: nsinit failed;\n"
	    "126: COMMAND cannot be executed; 127: COMMAND not found. See nsinit(1).\n");
	print(text, n);
}

static int read_signal(const struct reading *r, const char *word)
{
	int sig = signal_number(word);

	if (!sig)
		leave(r, word, "no signal");
	return sig;
}

static int read_number(const struct reading *r, const char *word, int max, const char *why)
{
	int n = number_of(word, max);

	if (n < 0)
		leave(r, word, why);
	return n;
}

/* "infinity", or at most 31 years. */
static void read_grace(const struct reading *r, const char *word, const char *why)
{
	const char *p = word;
	int seconds = *p == '.' && p[1] ? 0 : read_digits(&p, 1000000000), ms = 0;

	if (*p == '.')
		for (int unit = 100; *++p >= '0' && *p <= '9'; unit /= 10)
			ms += unit * (*p - '0');
	r->opt->grace = INT64_C(1000) * seconds + ms;
	if (!strcmp(word, "infinity"))
		r->opt->grace = GRACE_FOREVER;
	else if (seconds < 0 || *p)
		leave(r, word, why);
}

static void read_rewrite(const struct reading *r, const char *word)
{
	size_t n = strcspn(word, ":");
	char from[16];
	int sig, to;

	if (!word[n] || n >= sizeof(from))
		leave(r, word, "not FROM:TO");
	memcpy(from, word, n);
	from[n] = '\0';
	sig = signal_number(from);
	to = signal_number(word + n + 1);
	if (!sig || sig == SIGKILL || sig == SIGSTOP || sig == SIGCHLD)
		leave(r, word, "FROM is no signal that is ever passed on");
	if (!to && strcmp(word + n + 1, "0") != 0)
		leave(r, word, "TO is no signal, nor 0");
	r->opt->renamed[sig] = (uint8_t)to;
	r->opt->rewritten |= SIGBIT(sig);
}

static void set_single(struct options *opt, bool single)
{
	opt->single = single;
	opt->group = !single;
}

/* Which of WORDS it is, each with a NUL at its end and one more after the last. */
static int read_choice(const struct reading *r, const char *word, const char *words)
{
	for (int i = 0; *words; i++, words += strlen(words) + 1)
		if (!strcmp(word, words))
			return i;
	leave(r, word, "none of the words for this option");
}
/* NOLINTEND(clang-analyzer-core.N*) */

static void apply(struct reading *r, const struct row *row, const char *value)
{
	struct options *opt = r->opt;
	void *at = (char *)opt + row->at;
	char text[128];

	switch ((enum option)row->id) {
	case FLAG:
		*(bool *)at = true;
		break;
	case WORD:
		memcpy(at, &value, sizeof(value));
		break;
	case SIGNAL:
		*(int *)at = value ? read_signal(r, value) : 0;
		break;
	case UNSHARE:
		opt->namespaces |= CLONE_NEWPID | CLONE_NEWNS;
		if (opt->proc)
			break;
		/* fall through */
	case MOUNT_PROC:
		opt->proc = value ? value : "/proc";
		break;
	case NAMESPACE:
		opt->namespaces |= namespace_flag(row->name);
		break;
	case PROPAGATION:
		opt->propagation =
		    read_choice(r, value, "slave\0private\0") ? MS_PRIVATE : MS_SLAVE;
		break;
	case NOTHING:
		break;
	case SINGLE:
	case GROUP:
		set_single(opt, row->id == SINGLE);
		break;
	case REWRITE:
		read_rewrite(r, value);
		break;
	case GRACE:
		read_grace(r, value, "no number of seconds, nor \"infinity\"");
		break;
	case STOP_SIGNAL:
		opt->stop |= SIGBIT(read_signal(r, value));
		break;
	case REMAP:
		opt->remap[read_number(r, value, 255, "no status from 0 to 255")] = true;
		break;
	case ON_EXIT:
		/* In the order of the enum, whose first says that nothing was chosen. */
		opt->on_exit =
		    1 + (unsigned int)read_choice(r, value, "exit\0poweroff\0reboot\0halt\0");
		break;
	case VERBOSITY:
		r->verbosity++;
		break;
	case HELP:
		help();
	case VERSION:
		print(text, format(text, sizeof(text),
				"%s" NSINIT_VERSION " - git." NSINIT_COMMIT "\n", r->as->version));
	}
}

/* An option whose value, if any, is ATTACHED to its word, or else the next one; returns how many
 * words were taken. */
static int take(struct reading *r, const struct row *row, char **argv, const char *attached)
{
	bool next = !attached && row->argument == ARGUMENT;
	const char *value = next ? argv[1] : attached;

	if (value ? !*value : next)
		leave(r, argv[0], "this option needs a value");
	apply(r, row, value);
	return next ? 2 : 1;
}

/* "--name", "--name=value" or "--name value". */
static int read_long(struct reading *r, char **argv)
{
	const char *name = argv[0] + 2;
	size_t length = strcspn(name, "=");
	const char *attached = name[length] ? name + length + 1 : NULL;

	for (const struct row *row = rows; row < rows + ROWS; row++) {
		if (strlen(row->name) != length || memcmp(row->name, name, length) != 0)
			continue;
		if (attached && row->argument == NO_ARGUMENT)
			leave(r, argv[0], "this option takes no value");
		return take(r, row, argv, attached);
	}
	leave(r, argv[0], "unknown option");
}

/* "-vw", "-t5" or "-t 5". */
static int read_short(struct reading *r, char **argv)
{
	for (const char *p = argv[0] + 1; *p; p++) {
		const struct row *row = rows;

		if (*p == r->as->license)
			print("nsinit: MIT license\n", 20);
		while (row < rows + ROWS && row->letter != *p)
			row++;
		if (row == rows + ROWS)
			leave(r, argv[0], "unknown option");
		if (row->argument != NO_ARGUMENT)
			return take(r, row, argv, p[1] ? p + 1 : NULL);
		apply(r, row, NULL);
	}
	return 1;
}

/* The variable's value where it counts, or else NULL. */
static const char *value_of(const struct variable *v)
{
	const char *value = v->name ? getenv(v->name) : NULL;

	return value && (!v->value || !strcmp(value, v->value)) ? value : NULL;
}

/*
 * Before the options, which win: the peer's own, in which what is wrong never kept an image from
 * starting, and for PID 1 NSINIT_*, for an image whose ENTRYPOINT cannot be changed.
 */
static void read_environment(struct reading *r, pid_t self)
{
	const char *value = value_of(&r->as->verbose);
	int level = !value ? 0 : r->as->verbose.level ? number_of(value, 9) - 1 : 1;

	log_to.level = level > 0 ? level : 0;
	if (value_of(&r->as->turn))
		set_single(r->opt, !r->opt->single);
	if (self != 1)
		return;
	if ((value = getenv("NSINIT_VERBOSE")))
		log_to.level = read_number(r, value, 9, "NSINIT_VERBOSE is no number from 0 to 9");
	if ((value = getenv("NSINIT_GRACE")))
		read_grace(r, value, "NSINIT_GRACE is no number of seconds, nor \"infinity\"");
	if ((value = getenv("NSINIT_SINGLE_CHILD")))
		set_single(
		    r->opt, read_number(r, value, 1, "NSINIT_SINGLE_CHILD is neither 0 nor 1"));
}

/* What follows from what was given, and what does not go together. */
static void settle(struct reading *r)
{
	struct options *opt = r->opt;

	if (opt->map_root)
		opt->namespaces |= CLONE_NEWUSER;
	if (opt->hostname)
		opt->namespaces |= CLONE_NEWUTS;
	if (opt->root || (opt->proc && opt->namespaces))
		opt->namespaces |= CLONE_NEWNS;
	if (opt->export_proc && !(opt->namespaces & CLONE_NEWPID))
		leave(r, "--export-proc", "needs --pid");
	/* Refused by the kernel with an EPERM that does not say so. */
	if (opt->export_proc && opt->namespaces & CLONE_NEWUSER)
		leave(r, "--export-proc", "a new user namespace may mount nothing outside");
	if (opt->proc && (opt->namespaces & (CLONE_NEWUSER | CLONE_NEWPID)) == CLONE_NEWUSER)
		leave(r, "--mount-proc", "needs --pid in a new user namespace");
	if (opt->pause && *opt->command && !r->as->pause_alone)
		leave(r, *opt->command, "--pause takes no COMMAND");
	if (!opt->pause && !*opt->command)
		leave(r, "", "COMMAND is missing");
	if (!opt->stop)
		opt->stop = SIGBIT(SIGTERM);
	opt->end_group = r->as->end_group && !opt->single;
	opt->suspend = r->as->suspend;
	if (r->verbosity)
		log_to.level = r->verbosity;
}

/*
 * Whether nsinit has rights of its file's. AT_SECURE alone does not say so: a security module sets
 * it, too, where a container's first process enters another domain (SELinux without noatsecure).
 */
static bool is_raised(void)
{
	uint32_t sets[CAPABILITY_WORDS] = {0};
	bool raised;

	if (!getauxval(AT_SECURE))
		return false;
	raised = getuid() != geteuid() || getgid() != getegid();
	if (getuid())
		syscall(SYS_capget, CAPABILITIES_OF_SELF, sets);
	for (int cap = 0; cap < 64; cap++)
		raised |= sets[cap / 32 * 3 + 1] >> cap % 32 & 1 &&
			  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, (long)cap, 0L, 0L) != 1;
	return raised;
}

void options_parse(struct options *opt, char **argv, pid_t self)
{
	struct reading r = {.opt = opt, .as = personas};
	const char *name = *argv ? *argv : "";

	if (strrchr(name, '/'))
		name = strrchr(name, '/') + 1;
	for (size_t i = 0; i < sizeof(personas) / sizeof(*personas); i++)
		for (int j = 0; j < 2 && personas[i].names[j]; j++)
			if (!strcmp(name, personas[i].names[j]))
				r.as = &personas[i];
	*opt =
	    (struct options){.propagation = MS_SLAVE, .grace = GRACE_NONE, .single = r.as->single};
	/* Raised rights are for a caller whom nothing here checks. */
	if (is_raised())
		leave(&r, name, "must not be installed setuid, setgid or with capabilities");
	read_environment(&r, self);
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
	settle(&r);
}
