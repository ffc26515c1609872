/* system.h - the kernel, without libc.
 *
 * Code that may run in the middle of any call of the program must not enter libc: its functions use vector
 * registers, take locks, and may be what was interrupted. Results are the kernel's: -errno on failure.
 */
#ifndef ASMREWRITE_SYSTEM_H
#define ASMREWRITE_SYSTEM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

static inline long sys6(long number, long a, long b, long c, long d, long e, long f)
{
	long result;
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define sys(number, ...)	sys_n(number, ##__VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define sys_n(number, a, b, c, d, e, f, ...) \
	sys6(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline int failed(long result)
{
	return (unsigned long)result > -4096UL;
}

/* Not memcpy and memcmp: the compiler would call libc's. */
static inline void copy_bytes(void *to, const void *from, size_t size)
{
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) : : "memory");
}

static inline int same_bytes(const void *a, const void *b, size_t size)
{
	const unsigned char *left = a, *right = b;

	while (size && *left == *right)
		left++, right++, size--;
	return !size;
}

#endif
