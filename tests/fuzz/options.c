/*
 * A libFuzzer target for argv and the environment, as an attacker or a typing error may set them.
 *
 * The input is text. If its first byte is 1, nsinit is PID 1. Each line after it is a word of argv,
 * including the name, or after a $ a variable of the environment. The sanitizers check the code,
 * and this file checks that the results are consistent.
 */
#include <assert.h>
#include <locale.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
#include <wchar.h>

#include "kernel.h"
#include "log.h"
#include "machine.h"
#include "options.h"

enum { WORDS = 256, NOT_ENDED = -1, NEW_TIME = 0x80 /* CLONE_NEWTIME */ };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
ssize_t caught_write(int fd, const void *data, size_t size);
void caught_quit(int status) __attribute__((noreturn));

static jmp_buf ended;
static volatile int status, lines;
static volatile size_t printed;

/* Return whether TEXT is valid UTF-8 without control characters (C0, C1). */
static bool is_clean(const char *text, size_t size)
{
	mbstate_t state = {0};

	while (size) {
		wchar_t c;
		size_t n = mbrtowc(&c, text, size, &state);

		if (n == 0 || n > size || c < ' ' || (c >= 0x7f && c < 0xa0))
			return false;
		text += n;
		size -= n;
	}
	return true;
}

/* Check a message, which must be one line whatever words it contains, or the text of --help. */
ssize_t caught_write(int fd, const void *data, size_t size)
{
	const char *text = data;

	assert((fd == STDOUT_FILENO || fd == STDERR_FILENO) && text);
	if (fd == STDOUT_FILENO) {
		printed += size;
		return (ssize_t)size;
	}
	assert(size > 9 && size <= 1024);
	assert(!memcmp(text, "nsinit: ", 8) && text[size - 1] == '\n');
	assert(is_clean(text, size - 1));
	lines++;
	return (ssize_t)size;
}

void caught_quit(int how)
{
	status = how;
	longjmp(ended, 1);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	assert(setlocale(LC_CTYPE, "C.UTF-8"));
	return 0;
}

static void check_offset(const struct options *opt, const struct time_offset *offset)
{
	assert(offset->set || (offset->seconds == 0 && offset->nanoseconds == 0));
	assert(!offset->set || opt->namespaces & NEW_TIME);
	assert(offset->seconds >= -1000000001 && offset->seconds <= 1000000000);
	assert(offset->nanoseconds >= 0 && offset->nanoseconds < 1000000000);
}

static void check(const struct options *opt, char **argv, char **end)
{
	const sigmask never = SIGBIT(SIGKILL) | SIGBIT(SIGSTOP) | SIGBIT(SIGCHLD);
	const unsigned long known = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC |
				    CLONE_NEWNET | CLONE_NEWUSER | CLONE_NEWCGROUP | NEW_TIME;

	assert(lines == 0 && printed == 0);
	assert(opt->pause || *opt->command);
	assert(opt->command >= argv && opt->command < end + opt->pause);
	assert(!(opt->namespaces & ~known));
	assert(!opt->map_root || opt->namespaces & CLONE_NEWUSER);
	assert(!opt->map_current || opt->namespaces & CLONE_NEWUSER);
	assert(!opt->map_current || !opt->map_root);
	check_offset(opt, &opt->monotonic);
	check_offset(opt, &opt->boottime);
	assert(!opt->root || opt->namespaces & CLONE_NEWNS);
	assert(!opt->hostname || opt->namespaces & CLONE_NEWUTS);
	assert(!opt->export_proc || opt->namespaces & CLONE_NEWPID);
	assert(!opt->proc || !opt->namespaces || opt->namespaces & CLONE_NEWNS);
	assert(opt->propagation == MS_SLAVE || opt->propagation == MS_PRIVATE ||
	       opt->propagation == MS_SHARED || opt->propagation == 0);
	assert(!opt->root || opt->propagation == MS_SLAVE || opt->propagation == MS_PRIVATE);
	assert(opt->propagation == MS_SLAVE || opt->namespaces & CLONE_NEWNS);
	assert(!opt->pid_file || !opt->pause || opt->namespaces);
	assert(opt->parent_death >= 0 && opt->parent_death <= SIG_LAST);
	assert(opt->kill_child >= 0 && opt->kill_child <= SIG_LAST);
	assert(!opt->kill_child || opt->namespaces);
	assert(opt->grace >= GRACE_NONE);
	assert(opt->parent_death != SIGCHLD);
	assert(opt->stop && !(opt->stop & never) && !(opt->rewritten & never));
	for (int sig = 0; sig <= SIG_LAST; sig++)
		assert(opt->renamed[sig] <= SIG_LAST);
	assert(opt->on_exit <= ON_EXIT_HALT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *words[WORDS + 1], *variables[WORDS + 1];
	static char **environment;
	static struct options opt;
	char *text, *line, *rest;
	int count = 0, named = 0;

	if (size == 0)
		return 0;
	text = rest = malloc(size);
	assert(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	while ((line = strsep(&rest, "\n")) && count < WORDS && named < WORDS) {
		if (*line == '$')
			variables[named++] = line + 1;
		else
			words[count++] = line;
	}
	words[count] = variables[named] = NULL;
	environment = environ;
	environ = variables;
	status = NOT_ENDED;
	lines = 0;
	printed = 0;
	log_to = (struct log){0, false};
	if (!setjmp(ended)) {
		options_parse(&opt, words, *data == 1 || *data == '1' ? 1 : 2);
		check(&opt, words, words + count);
	} else {
		assert(status == 0 || status == 1 || status == STATUS_FAILED);
		assert(status == 0 ? printed > 0 && lines == 0 : lines == 1 && printed == 0);
	}
	environ = environment;
	free(text);
	return 0;
}
