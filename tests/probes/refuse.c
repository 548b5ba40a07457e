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

/* Add the steps that find the calls of one rule, at most 5. COLON is in RULE. Returns their number.
 */
static size_t add_rule(struct bpf_step *steps, const char *rule, const char *colon)
{
	const char *slash = strchr(rule, '/');
	int nr = call_number(rule, (size_t)((slash ? slash : colon) - rule));
	size_t n = 0, at;
	uint32_t operand;
	char *end;
	bool some;

	steps[n++] = (struct bpf_step)BPF_LOAD(offsetof(struct seccomp_call, nr));
	if (!slash) {
		steps[n++] = (struct bpf_step)BPF_EQUAL(nr, 0, 1);
		return n;
	}
	operand = (uint32_t)strtoul(slash + 3, &end, 0);
	some = slash[2] == '&' && *end == '=';
	at = offsetof(struct seccomp_call, args) + 8 * (size_t)(slash[1] - '0') +
	     (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4 : 0);
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
	return n;
}

int main(int argc, char **argv)
{
	struct bpf_step steps[256];
	size_t n = 0;
	int i;

	for (i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		const char *colon = strchr(argv[i], ':');

		if (!colon || n + 7 > sizeof steps / sizeof *steps)
			return 98;
		n += add_rule(steps + n, argv[i], colon);
		steps[n++] = (struct bpf_step)BPF_GIVE(GIVE_ERRNO(error_number(colon + 1)));
	}
	if (i + 1 >= argc)
		return 98;
	steps[n++] = (struct bpf_step)BPF_GIVE(GIVE_ALLOW);
	filter(steps, n, 0);
	execvp(argv[i + 1], argv + i + 1);
	fail(argv[i + 1]);
}
