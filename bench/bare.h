/* The entry point and the system calls of a program without a libc. */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <stddef.h>
#include <sys/syscall.h>

/* The kernel leaves argc, argv and the environment on the stack, in this order. */
_Noreturn void begin(long *stack);

#if defined(__x86_64__)
__asm__(".globl _start\n"
	"_start:\n\t"
	"mov %rsp, %rdi\n\t"
	"and $-16, %rsp\n\t"
	"call begin\n");

static long call(long number, long a, long b, long c, long d, long e)
{
	register long r10 __asm__("r10") = d, r8 __asm__("r8") = e;

	__asm__ volatile("syscall"
			 : "+a"(number)
			 : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return number;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n"
	"_start:\n\t"
	"mov x0, sp\n\t"
	"b begin\n");

static long call(long number, long a, long b, long c, long d, long e)
{
	register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c, x3 __asm__("x3") = d, x4 __asm__("x4") = e;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
}
#else
#error "the benchmark's bare programs are written for x86-64 and aarch64"
#endif

/* Returns the result, or -errno. */
#define CALL(number, a, b, c, d, e)                                                                \
	call(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

static inline _Noreturn void leave(int status)
{
	for (;;)
		CALL(SYS_exit_group, status, 0, 0, 0, 0);
}

#endif
