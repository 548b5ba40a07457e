/* Why the kernel killed COMMAND: the memory limit of its control group. */
#include "oom.h"

#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "files.h"
#include "kernel.h"
#include "log.h"
#include "text.h"

enum { FILE_READ = 4096 };
char oom_text[FILE_READ] RARELY_USED;
char oom_path[PATH_MAX] RARELY_USED;

/* Read the beginning of FILE to oom_text. */
static bool read_file(const char *file)
{
	int fd = file_open(file, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, oom_text, sizeof(oom_text) - 1);
	close(fd);
	oom_text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* Return the rest of the line of oom_text that begins with WORD; NULL if there is none. */
static char *line_after(const char *word)
{
	const char *line = oom_text;
	char *value;

	while (!(value = text_after(line, word))) {
		line = find_char(line, '\n');
		if (!*line++)
			return NULL;
	}
	*find_char(value, '\n') = '\0';
	return value;
}

/* Return whether the comma-separated NAMES include CONTROLLER. */
static bool includes(const char *names, const char *controller)
{
	for (;;) {
		const char *end = text_after(names, controller);

		if (end && (!*end || *end == ','))
			return true;
		names = find_char(names, ',');
		if (!*names++)
			return false;
	}
}

/* Return the path on the line of /proc/self/cgroup that names CONTROLLER: "0::/PATH",
 * "4:memory:/PATH" or "4:cpu,memory:/PATH" (cgroups(7)). */
static const char *path_of(const char *controller)
{
	char *line = oom_text;

	while (*line) {
		char *end = find_char(line, '\n'), *names, *path;
		bool last = !*end;

		*end = '\0';
		names = find_char(line, ':');
		path = find_char(names + !!*names, ':');
		if (*path) {
			*path++ = '\0';
			if (includes(names + 1, controller))
				return path;
		}
		line = last ? end : end + 1;
	}
	return NULL;
}

struct version {
	const char *controller, *mount;
	const char *events, *limit;
};

/* Read FILE of the group PATH. If it does not exist there, read it at the root, where a container
 * sees its own group. */
static bool read_of(const struct version *v, const char *path, const char *file)
{
	format(oom_path, sizeof(oom_path), "%s%s/%s", v->mount, path, file);
	if (read_file(oom_path))
		return true;
	format(oom_path, sizeof(oom_path), "%s/%s", v->mount, file);
	return read_file(oom_path);
}

static bool report(const struct version *v)
{
	static char path[256], kills[16];
	const char *found;

	if (!read_file("/proc/self/cgroup") || !(found = path_of(v->controller)) ||
	    strlen(found) >= sizeof(path))
		return false;
	format(path, sizeof(path), "%s", strcmp(found, "/") != 0 ? found : "");
	if (!read_of(v, path, v->events) || !(found = line_after("oom_kill ")))
		return false;
	if (!strcmp(found, "0") || strlen(found) >= sizeof(kills))
		return false;
	format(kills, sizeof(kills), "%s", found);
	if (!read_of(v, path, v->limit))
		return false;
	*find_char(oom_text, '\n') = '\0';
	/* A limit of the groups above, or the machine's, counts here as well. */
	say(ALWAYS,
	    "COMMAND was killed, probably for lack of memory (%s of its control group is %s, "
	    "kills so far: %s): raise the limit, or use less memory",
	    v->limit, oom_text, kills);
	return true;
}

void oom_report(void)
{
	static const struct version two = {"", "/sys/fs/cgroup", "memory.events", "memory.max"};
	static const struct version one = {
	    "memory", "/sys/fs/cgroup/memory", "memory.oom_control", "memory.limit_in_bytes"};

	if (!report(&two))
		report(&one);
}
