/*
 * reboot2: calls reboot(2) inside a PID namespace. It refuses to do so in the machine's initial
 * one.
 *
 *     reboot2 restart | halt | poweroff | cad_on | cad_off | kexec
 */
#include <sys/reboot.h>

#include "raw.h"

static const struct {
	const char *name;
	unsigned cmd;
} commands[] = {
    {"restart", 0x01234567},
    {"halt", 0xcdef0123},
    {"poweroff", 0x4321fedc},
    {"cad_on", 0x89abcdef},
    {"cad_off", 0},
    {"kexec", 0x45584543},
};

int main(int argc, char **argv)
{
	char link[64];
	ssize_t len;
	size_t i;

	if (argc != 2)
		return 98;
	len = readlink("/proc/self/ns/pid", link, sizeof link - 1);
	if (len <= 0)
		fail("/proc/self/ns/pid");
	link[len] = '\0';
	if (strncmp(link, "pid:[", 5) != 0 || strcmp(link, "pid:[4026531836]") == 0) {
		fprintf(stderr, "reboot2: refused: %s is the machine's own\n", link);
		return 97;
	}
	for (i = 0; i < sizeof commands / sizeof *commands; i++) {
		if (strcmp(argv[1], commands[i].name) == 0) {
			if (reboot((int)commands[i].cmd) == -1)
				fail("reboot");
			return 0;
		}
	}
	return 98;
}
