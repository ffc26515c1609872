/*
 * Static calls in user space: trampolines called plainly, in tail position, by a
 * conditional jump, from inline and from top-level assembly, at many alignments,
 * and one that must keep every register.
 *
 *   gcc -O2 -o static_calls static_calls.c static_calls_impl.c
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define NOIPA __attribute__((noipa))
#define HIDDEN __attribute__((visibility("hidden")))

struct static_call_key {
	void *func;
	long flags;
};

struct triple {
	long v[3];
};

/*
 * As in the kernel, the name `x` has a trampoline __SCT__x, which is called
 * directly, and a key __SCK__x, which says where the trampoline goes.
 */
#define DECLARE_STATIC_CALL(linkage, name, ret, ...)                                   \
	linkage extern ret __SCT__##name(__VA_ARGS__);                                 \
	linkage extern struct static_call_key __SCK__##name

/* `add` has default visibility, so position-independent code calls it by @PLT. */
DECLARE_STATIC_CALL(, add, long, long, long);
DECLARE_STATIC_CALL(HIDDEN, scale, long, long);
DECLARE_STATIC_CALL(HIDDEN, gather, long, int, ...);
DECLARE_STATIC_CALL(HIDDEN, triple, struct triple, long);
DECLARE_STATIC_CALL(HIDDEN, seven, long, long, long, long, long, long, long, long, double);
DECLARE_STATIC_CALL(HIDDEN, nothing, void, long);
/* Keeps every register; counts its calls. */
DECLARE_STATIC_CALL(HIDDEN, touch, void, void);

HIDDEN extern long touch_count;

static uint64_t sum = 0xcbf29ce484222325u;

static void mix(uint64_t v)
{
	sum = (sum ^ v) * 0x100000001b3u;
	sum ^= sum >> 29;
}

static void expect(int holds, const char *what)
{
	if (holds)
		return;
	printf("FAILED: %s\n", what);
	exit(1);
}

/* ---- plain calls, calls in tail position, calls through the key ---------- */

NOIPA static long plain(long a)
{
	struct triple t = __SCT__triple(a);

	__SCT__nothing(a);
	return __SCT__add(a, 2) + __SCT__scale(a) * __SCT__gather(3, 1.5, (double)a, .25) + t.v[0] -
	       t.v[1] + t.v[2] + __SCT__seven(a, 2, 3, 4, 5, a, 7, .5);
}

NOIPA static long tail(long a) { return __SCT__scale(a + 1); }
NOIPA static long tail_plt(long a) { return __SCT__add(a, a); }
NOIPA static void tail_nothing(long a) { __SCT__nothing(a); }
NOIPA static long tail_variadic(double a) { return __SCT__gather(2, a, a); }

NOIPA static long tail_if(long a)
{
	if (a & 1)
		return __SCT__scale(a);
	return a;
}

NOIPA static long tail_either(long a, long b)
{
	if (a > b)
		return __SCT__add(b, a);
	return __SCT__scale(a);
}

NOIPA static long by_key(long a)
{
	long (*f)(long, long) = (long (*)(long, long))__SCK__add.func;

	return f(a, 2) - ((long (*)(long))__SCK__scale.func)(a);
}

NOIPA static long by_address(long a)
{
	long (*volatile f)(long) = __SCT__scale;

	return f(a);
}

/* ---- one call and one tail call at every offset within a cache line ------ */

#define OFFSETS(X)                                                                     \
	X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13)      \
	X(14) X(15) X(16) X(17) X(18) X(19) X(20) X(21) X(22) X(23) X(24) X(25) X(26)  \
	X(27) X(28) X(29) X(30) X(31) X(32) X(33) X(34) X(35) X(36) X(37) X(38) X(39)  \
	X(40) X(41) X(42) X(43) X(44) X(45) X(46) X(47) X(48) X(49) X(50) X(51) X(52)  \
	X(53) X(54) X(55) X(56) X(57) X(58) X(59) X(60) X(61) X(62) X(63)

#define CALL_AT(n)                                                                     \
	__attribute__((noipa, aligned(64))) static long call_at_##n(long a)            \
	{                                                                              \
		__asm__ volatile(".skip 1 + " #n ", 0x90");                                \
		return __SCT__scale(a + n) + n;                                        \
	}
#define TAIL_AT(n)                                                                     \
	__attribute__((noipa, aligned(64))) static long tail_at_##n(long a)            \
	{                                                                              \
		__asm__ volatile(".skip 1 + " #n ", 0x90");                                \
		return __SCT__scale(a - n);                                            \
	}
#define CALL_NAME(n) call_at_##n,
#define TAIL_NAME(n) tail_at_##n,

OFFSETS(CALL_AT)
OFFSETS(TAIL_AT)

static long (*const at_offsets[])(long) = { OFFSETS(CALL_NAME) OFFSETS(TAIL_NAME) };

/* ---- sites in assembly ----------------------------------------------------- */

/* Tail-calls __SCT__scale if its argument is not 0, by a conditional jump. */
long jump_if_nonzero(long);
/* Calls it, then tail-calls it with the argument if negative, else the result + 1. */
long jump_if_negative(long);
__asm__(".pushsection .text\n"
	".type jump_if_nonzero, @function\n"
	"jump_if_nonzero:\n"
	".cfi_startproc\n"
	"	testq %rdi, %rdi\n"
	"	jne __SCT__scale\n"
	"	movq $-1, %rax\n"
	"	ret\n"
	".cfi_endproc\n"
	".size jump_if_nonzero, . - jump_if_nonzero\n"
	".type jump_if_negative, @function\n"
	"jump_if_negative:\n"
	".cfi_startproc\n"
	"	pushq %rdi\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	call __SCT__scale\n"
	"	popq %rdi\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	testq %rdi, %rdi\n"
	"	js __SCT__scale\n"
	"	leaq 1(%rax), %rdi\n"
	"	jmp __SCT__scale\n"
	".cfi_endproc\n"
	".size jump_if_negative, . - jump_if_negative\n"
	".popsection");

/* Past the red zone, which a call from inline assembly would overwrite. */
#define CALL_ASM(name)                                                                 \
	"leaq -128(%%rsp), %%rsp\n\t"                                                  \
	"call __SCT__" #name "\n\t"                                                    \
	"leaq 128(%%rsp), %%rsp"

NOIPA static long inline_call(long a)
{
	long r;

	/* Keeps the stack aligned for a compiled target: %rbx holds the old %rsp. */
	__asm__ volatile("movq %%rsp, %%rbx\n\t"
			 "subq $128, %%rsp\n\t"
			 "andq $-16, %%rsp\n\t"
			 "call __SCT__scale\n\t"
			 "movq %%rbx, %%rsp"
			 : "=a"(r), "+D"(a)
			 :
			 : "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2",
			   "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
			   "xmm12", "xmm13", "xmm14", "xmm15", "memory", "cc");
	return r;
}

/* ---- a target that keeps every register ------------------------------------ */

/* The compiler is told nothing is clobbered, so it may keep anything anywhere. */
NOIPA static long live_values(const long *in)
{
	long a = in[0], b = in[1], c = in[2], d = in[3], e = in[4], f = in[5], g = in[6], h = in[7];

	for (int i = 0; i < 4; i++) {
		__asm__ volatile(CALL_ASM(touch) : : : "memory", "cc");
		a += b, b ^= c, c -= d, d += e;
		__asm__ volatile(CALL_ASM(touch) : : : "memory", "cc");
		e ^= f, f += g, g -= h, h += a;
	}
	return a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f + 17 * g + 19 * h;
}

NOIPA static long live_values_expected(const long *in)
{
	long v[8];

	for (int i = 0; i < 8; i++)
		v[i] = in[i];
	for (int i = 0; i < 4; i++) {
		v[0] += v[1], v[1] ^= v[2], v[2] -= v[3], v[3] += v[4];
		v[4] ^= v[5], v[5] += v[6], v[6] -= v[7], v[7] += v[0];
	}
	return v[0] + 3 * v[1] + 5 * v[2] + 7 * v[3] + 11 * v[4] + 13 * v[5] + 17 * v[6] + 19 * v[7];
}

/* Every general register but %rsp and %rbp holds a known value across the call. */
NOIPA static int registers_survive(long n)
{
#define HOLD(reg, k) register long reg __asm__(#reg) = n + k
	HOLD(rax, 1);
	HOLD(rbx, 2);
	HOLD(rcx, 3);
	HOLD(rdx, 4);
	HOLD(rsi, 5);
	HOLD(rdi, 6);
	HOLD(r8, 7);
	HOLD(r9, 8);
	HOLD(r10, 9);
	HOLD(r11, 10);
	HOLD(r12, 11);
	HOLD(r13, 12);
	HOLD(r14, 13);
	HOLD(r15, 14);
#undef HOLD
	__asm__ volatile(CALL_ASM(touch)
			 : "+r"(rax), "+r"(rbx), "+r"(rcx), "+r"(rdx), "+r"(rsi), "+r"(rdi), "+r"(r8),
			   "+r"(r9), "+r"(r10), "+r"(r11), "+r"(r12), "+r"(r13), "+r"(r14), "+r"(r15)
			 :
			 : "memory", "cc");
	long weighted = rax + 2 * rbx + 3 * rcx + 4 * rdx + 5 * rsi + 6 * rdi + 7 * r8 + 8 * r9 +
			9 * r10 + 10 * r11 + 11 * r12 + 12 * r13 + 13 * r14 + 14 * r15;

	return weighted == 105 * n + 1015;
}

int main(void)
{
	for (long i = 0; i < 300; i++) {
		long in[8];

		mix((uint64_t)plain(i));
		mix((uint64_t)(tail(i) + tail_plt(i) + tail_variadic((double)i)));
		tail_nothing(i);
		mix((uint64_t)(tail_if(i) * 3 + tail_either(i, 150)));
		mix((uint64_t)(by_key(i) + by_address(i)));
		for (unsigned n = 0; n < sizeof at_offsets / sizeof *at_offsets; n++)
			mix((uint64_t)at_offsets[n](i));
		mix((uint64_t)(jump_if_nonzero(i % 3) + jump_if_negative(i - 100)));
		mix((uint64_t)inline_call(i));
		for (int n = 0; n < 8; n++)
			in[n] = i * 31 + n * 7;
		expect(live_values(in) == live_values_expected(in), "values live across the call");
		expect(registers_survive(i), "every register survives the call");
		mix((uint64_t)live_values(in));
	}
	printf("touched %ld\nsum     %016llx\nok\n", touch_count, (unsigned long long)sum);
	return 0;
}
