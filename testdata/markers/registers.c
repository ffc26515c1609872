/* registers.c - what a probe does not disturb: all that a function has in registers and below its stack pointer; where a
 * probe finds its arguments, whom it was called by, and that what it changes is seen. Prints "as it was" if all is well.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <ucontext.h>
#include <unwind.h>

#include <asmrewrite/marker.h>

#ifdef __clang__
#define ALONE __attribute__((noinline))
#else
#define ALONE __attribute__((noipa))
#endif
#define CHECK(what) do { if (!(what)) wrong(__LINE__); } while (0)

struct incomplete;
enum small { LITTLE = -3, MUCH = 70000 };

static int failures, hits;
static void *seen[64];
static int depth;

static void wrong(int line)
{
	printf("wrong: line %d\n", line);
	failures++;
}

/* All that a callee may clobber, and much of the stack; the vectors of AVX-512 where the machine has them. */
ALONE static void trash(void)
{
	volatile char below[6000];

	for (size_t i = 0; i < sizeof(below); i++)
		below[i] = (char)0xaa;
	__asm__ volatile(
		"fninit\n\tfldpi\n\tfldpi\n\tfldpi\n\tfldpi\n\tfldpi\n\tfldpi\n\tfldpi\n\tfldpi\n\tfninit\n\t"
		"pcmpeqd %%xmm0, %%xmm0\n\tmovdqa %%xmm0, %%xmm1\n\tmovdqa %%xmm0, %%xmm2\n\tmovdqa %%xmm0, %%xmm3\n\t"
		"movdqa %%xmm0, %%xmm4\n\tmovdqa %%xmm0, %%xmm5\n\tmovdqa %%xmm0, %%xmm6\n\tmovdqa %%xmm0, %%xmm7\n\t"
		"movdqa %%xmm0, %%xmm8\n\tmovdqa %%xmm0, %%xmm9\n\tmovdqa %%xmm0, %%xmm10\n\tmovdqa %%xmm0, %%xmm11\n\t"
		"movdqa %%xmm0, %%xmm12\n\tmovdqa %%xmm0, %%xmm13\n\tmovdqa %%xmm0, %%xmm14\n\tmovdqa %%xmm0, %%xmm15\n\t"
		"movl $-9, %%eax\n\tmovl $-9, %%ecx\n\tmovl $-9, %%edx\n\tmovl $-9, %%esi\n\tmovl $-9, %%edi\n\t"
		"movl $-9, %%r8d\n\tmovl $-9, %%r9d\n\tmovl $-9, %%r10d\n\tmovl $-9, %%r11d\n\tcmpl $-9, %%eax\n\tstc"
		: : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "cc", "memory");
	if (__builtin_cpu_supports("avx512bw"))
		__asm__ volatile("vpternlogd $0xff, %zmm16, %zmm16, %zmm16\n\tvpternlogd $0xff, %zmm23, %zmm23, %zmm23\n\t"
				 "vpternlogd $0xff, %zmm31, %zmm31, %zmm31\n\tkxnorq %k0, %k0, %k0\n\tkxnorq %k7, %k7, %k7");
}

static void probe(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments)
{
	(void)marker, (void)data, (void)format, (void)arguments;
	CHECK(((unsigned long)__builtin_frame_address(0) & 15) == 0);
	hits++;
	trash();
}

static void print(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments)
{
	(void)marker;
	vsnprintf((char *)data, 200, format, *arguments);
}

static void store(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments)
{
	(void)marker, (void)data, (void)format;
	*va_arg(*arguments, int *) = 77;
}

/* In the red zone, with an address that only the probe gets. */
ALONE static int stored(int x) { int y = x; MARK(stored, "%p", (void *)&y); return y; }

ALONE static long red_zone(long x)
{
	volatile long kept[14];

	for (int i = 0; i < 14; i++)
		kept[i] = x + i;
	MARK(zone, "%ld", x);
	for (int i = 0; i < 14; i++)
		CHECK(kept[i] == x + i);
	return x;
}

#define HIDE(x) __asm__ volatile("" : "+r"(x))

ALONE static void integers(long a)
{
	long b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5, g = a + 6, h = a + 7, i = a + 8, j = a + 9, k = a + 10;

	HIDE(b); HIDE(c); HIDE(d); HIDE(e); HIDE(f); HIDE(g); HIDE(h); HIDE(i); HIDE(j); HIDE(k);
	MARK(zone, "%ld %ld %ld", a, c, k);
	HIDE(b); HIDE(c); HIDE(d); HIDE(e); HIDE(f); HIDE(g); HIDE(h); HIDE(i); HIDE(j); HIDE(k);
	CHECK(b == a + 1 && c == a + 2 && d == a + 3 && e == a + 4 && f == a + 5 && g == a + 6 && h == a + 7 && i == a + 8);
	CHECK(j == a + 9 && k == a + 10);
}

ALONE static double doubles(double a, double b, double c, double d, long double e)
{
	const double f = a * b, g = b * c, h = c * d, i = a + d;
	const long double j = e * 3;

	MARK(zone, "%f", f);
	return a + b + c + d + f + g + h + i + (double)(e + j);
}

ALONE static int flags(int x)
{
	const int below = x < 3, same = x == 3;

	MARK(zone, "nothing");
	return below ? 1 : same ? 2 : 3;
}

/* A function may have AVX-512 though its file has not; no compiler uses it here by itself. */
static int kept_wide(void)
{
#ifdef ASMREWRITE_MOST_ARGUMENTS	/* else the marker is a call, which clobbers them */
	return __builtin_cpu_supports("avx512bw") != 0;
#else
	return 0;
#endif
}

ALONE static void wide(void)
{
	unsigned long long out[3][8], masks[2];

	if (!kept_wide())
		return;
	__asm__ volatile("vpbroadcastq %0, %%zmm16\n\tvpbroadcastq %1, %%zmm23\n\tvpbroadcastq %2, %%zmm31\n\t"
			 "kmovq %0, %%k0\n\tkmovq %2, %%k7" : : "r"(111L), "r"(222L), "r"(0x123456789abcL));
	MARK(zone, "nothing");
	__asm__ volatile("vmovups %%zmm16, (%0)\n\tvmovups %%zmm23, 64(%0)\n\tvmovups %%zmm31, 128(%0)\n\t"
			 "kmovq %%k0, (%1)\n\tkmovq %%k7, 8(%1)" : : "r"(out), "r"(masks) : "memory");
	for (int i = 0; i < 8; i++)
		CHECK(out[0][i] == 111 && out[1][i] == 222 && out[2][i] == 0x123456789abc);
	CHECK(masks[0] == 111 && masks[1] == 0x123456789abc);
}

/* A variable of this file that a caller may keep in a register if it thinks that nothing changes it. */
static int counter;

__attribute__((noinline)) void bump(void) { counter++; }
static void bumping(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments)
{
	void (*volatile function)(void) = bump;

	(void)marker, (void)data, (void)format, (void)arguments;
	function();
}
__attribute__((noinline)) static int marked(int x) { MARK(bumps, "nothing"); return x + 1; }
__attribute__((noinline)) static int callers(int x) { counter = 5; x = marked(x); return counter * 100 + x; }
ALONE static int around(void) { const int before = counter; MARK(bumps, "nothing"); return counter - before; }

ALONE static void types(signed char c, unsigned short s, float f, double d, const char *text, enum small e, _Bool b,
			struct incomplete *p, long double l, unsigned long u)
{
	struct { signed int bits : 5; } field = { -7 };
	char array[] = "array";

	MARK(types, "%d %d %f %f %s %d", c, s, (double)f, d, text, (int)e);
	MARK(types_bits, "%d %d %p %s %s %lu", b, field.bits, (void *)p, array, "literal", u);
	MARK(types_float, "%.2f %c %d", f, 'x', -1);
	MARK(types_large, "%.1Lf %lu", l, u);
	MARK(types_many, "%d %d %d %d %d %d %d", 1, 2, 3, 4, 5, 6, c);
	MARK(types_last, "%lu %lu %lu %lu %lu %s", u, u + 1, u + 2, u + 3, u + 4, text);
}

static _Unwind_Reason_Code visit(struct _Unwind_Context *context, void *data)
{
	(void)data;
	if (depth < 64)
		seen[depth++] = _Unwind_FindEnclosingFunction((void *)_Unwind_GetIP(context));
	return _URC_NO_REASON;
}

/* Whether the callers of who asks have `last` among them; all three in a row, if asked. */
static int chain(void *first, void *second, void *last)
{
	int i;

	depth = 0;
	_Unwind_Backtrace(visit, NULL);
	for (i = 0; i < depth && seen[i] != last; i++)
		;
	return i < depth && (!first || (i > 1 && seen[i - 2] == first && seen[i - 1] == second));
}

int main(void);
ALONE static int inner(int x) { MARK(who, "%d", x); return x * 3; }
ALONE static int outer(int x) { return inner(x + 1) + 1; }

static void who(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments)
{
	(void)marker, (void)data, (void)format, (void)arguments;
	CHECK(chain((void *)inner, (void *)outer, (void *)main));
	hits++;
}

static void nothing(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments)
{
	(void)marker, (void)data, (void)format, (void)arguments;
	hits++;
}

#define TRAP_FLAG	0x100
static volatile int armed, steps, lost;

/* At each instruction of the way to a probe and back. */
static void step(int number, siginfo_t *information, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)number, (void)information;
	if (!armed) {
		registers[REG_EFL] &= ~TRAP_FLAG;
		return;
	}
	steps++;
	if (!chain(NULL, NULL, (void *)main))
		lost++;
}

static void stepped(void)
{
	struct sigaction action = { .sa_flags = SA_SIGINFO };

	action.sa_sigaction = step;
	sigaction(SIGTRAP, &action, NULL);
	marker_disconnect("who", who, NULL);
	marker_connect("who", nothing, NULL);
	hits = 0;
	armed = 1;
	raise(SIGTRAP);
	__asm__ volatile("leaq -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\tleaq 128(%%rsp), %%rsp" : : : "cc", "memory");
	outer(1);
	armed = 0;
	CHECK(hits == 1 && steps > 50 && !lost);
	if (lost || steps <= 50)
		printf("%d steps, %d lost\n", steps, lost);
}

int main(void)
{
	char text[200];

	marker_connect("zone", probe, NULL);
	CHECK(red_zone(5) == 5);
	integers(1000);
	CHECK(doubles(1, 2, 3, 4, 5) == 1 + 2 + 3 + 4 + 2 + 6 + 12 + 5 + 20);
	CHECK(flags(2) == 1 && flags(3) == 2 && flags(4) == 3);
	wide();
	CHECK(hits == 6 + kept_wide());
	marker_connect("stored", store, NULL);
	CHECK(stored(1) == 77);
	marker_connect("bumps", bumping, NULL);
	CHECK(callers(1) == 602 && around() == 1);
#define TYPES(name, expected)									\
	marker_connect(name, print, text);							\
	types(-1, 65535, 1.25f, 2.5, "text", MUCH, 1, (struct incomplete *)16, 0.5L, 1UL << 63);	\
	marker_disconnect(name, print, text);							\
	CHECK(!strcmp(text, expected) || !printf("%s\n", text))
	TYPES("types", "-1 65535 1.250000 2.500000 text 70000");
	TYPES("types_bits", "1 -7 0x10 array literal 9223372036854775808");
	TYPES("types_float", "1.25 x -1");
	TYPES("types_large", "0.5 9223372036854775808");
	TYPES("types_many", "1 2 3 4 5 6 -1");
	TYPES("types_last", "9223372036854775808 9223372036854775809 9223372036854775810 9223372036854775811 "
	      "9223372036854775812 text");
	hits = 0;
	marker_connect("who", who, NULL);
	CHECK(outer(1) == 7 && hits == 1);
	stepped();
	if (!failures)
		printf("as it was\n");
	return failures != 0;
}
