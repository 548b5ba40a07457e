/*
 * refuse: becomes COMMAND under a seccomp filter that makes the given system calls fail, like that
 * of an engine.
 *
 *     refuse CALL[/ARGUMENT&MASK]:ERROR... -- COMMAND [ARG]...
 *
 * With /ARGUMENT&MASK a call fails only if that argument (0 to 5) has one of MASK's bits, with
 * /ARGUMENT&MASK=VALUE only if these bits are VALUE, and with /ARGUMENT=VALUE only if its lower 32
 * bits are VALUE. Examples: clone/0&0x1000:EPERM and ioctl/1=0x80685f0b:ENOTTY.
 */
#include <stdbool.h>

#include "calls.h"

int main(int argc, char **argv)
{
	struct bpf_step steps[256];
	size_t n = 0;
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *name = argv[i], *colon = strchr(name, ':'), *slash = strchr(name, '/');
		size_t length;
		int nr, error;

		if (!colon || n + 7 > sizeof steps / sizeof *steps)
			return 98;
		length = (size_t)((slash ? slash : colon) - name);
		nr = call_number(name, length);
		error = error_number(colon + 1);
		steps[n++] = (struct bpf_step)BPF_LOAD(offsetof(struct seccomp_call, nr));
		if (slash) {
			char *end;
			uint32_t operand = (uint32_t)strtoul(slash + 3, &end, 0);
			size_t at = offsetof(struct seccomp_call, args) +
				    8 * (size_t)(slash[1] - '0') +
				    (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);

			bool some = slash[2] == '&' && *end == '=';

			steps[n++] = (struct bpf_step)BPF_EQUAL(nr, 0, some ? 4 : 3);
			steps[n++] = (struct bpf_step)BPF_LOAD(at);
			if (some) {
				steps[n++] = (struct bpf_step)BPF_AND(operand);
				operand = (uint32_t)strtoul(end + 1, NULL, 0);
			}
			if (some || slash[2] == '=')
				steps[n++] = (struct bpf_step)BPF_EQUAL(operand, 0, 1);
			else
				steps[n++] = (struct bpf_step)BPF_ANY(operand, 0, 1);
		} else
			steps[n++] = (struct bpf_step)BPF_EQUAL(nr, 0, 1);
		steps[n++] = (struct bpf_step)BPF_GIVE(GIVE_ERRNO(error));
	}
	if (i + 1 >= argc)
		return 98;
	steps[n++] = (struct bpf_step)BPF_GIVE(GIVE_ALLOW);
	filter(steps, n, 0);
	execvp(argv[i + 1], argv + i + 1);
	fail(argv[i + 1]);
}
