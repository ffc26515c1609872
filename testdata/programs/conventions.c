/*
 * Every calling convention gcc has for x86-64, exercised through function
 * pointers the optimiser cannot see through.  Each section folds what its calls
 * returned into a checksum and prints it; the output is the same at every
 * optimisation level and on every processor.
 *
 *   gcc -O2 -o conventions conventions.c
 */
#include <complex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOIPA __attribute__((noipa))
#define MS_ABI __attribute__((ms_abi))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* The optimiser no longer knows what this pointer or value is. */
#define HIDE(p) __asm__ volatile("" : "+r"(p))

typedef unsigned __int128 u128;

static uint64_t sum = 0xcbf29ce484222325u;

static void mix(uint64_t v)
{
	sum = (sum ^ v) * 0x100000001b3u;
	sum ^= sum >> 29;
}

static void mix_double(double d)
{
	uint64_t bits;

	memcpy(&bits, &d, sizeof bits);
	mix(bits);
}

static void mix_string(const char *s)
{
	while (*s)
		mix((unsigned char)*s++);
}

static void report(const char *section)
{
	printf("%-16s %016llx\n", section, (unsigned long long)sum);
}

static void expect(int holds, const char *what)
{
	if (holds)
		return;
	printf("FAILED: %s\n", what);
	exit(1);
}

/* ---- many arguments: registers of both classes, then the stack ---------- */

struct blob {
	long a, b, c, d, e;
};

typedef long many_fn(long, double, long, long, double, long, long, long, long, double, double,
		     struct blob, double, double, double, double, double, double, char, short,
		     float);

NOIPA static long many(long a, double d0, long b, long c, double d1, long d, long e, long f,
		       long g, double d2, double d3, struct blob s, double d4, double d5,
		       double d6, double d7, double d8, double d9, char h, short i, float j)
{
	long ints = a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f + 17 * g + 19 * h + 23 * i;
	double reals = d0 + 2 * d1 + 4 * d2 + 8 * d3 + 16 * d4 + 32 * d5 + 64 * d6 + 128 * d7;

	reals += 256 * d8 + 512 * d9 + 1024 * (double)j;
	return ints * 31 + (long)reals + s.a - s.b + s.c * s.d - s.e;
}

static many_fn *volatile many_table[] = { many, many };

static void many_arguments(void)
{
	many_fn *p = many;

	HIDE(p);
	for (int i = 0; i < 200; i++) {
		struct blob s = { i, i + 1, i + 2, i + 3, i + 4 };

		mix((uint64_t)p(i, i, 2, 3, .5 * i, 4, i, 6, 7, 1, 2, s, 3, i, 5, 6, 7, i, 'x', -i, 2));
		mix((uint64_t)many_table[i & 1](1, i, i, i, 2, i, 6, 7, 8, i, i, s, 4, 5, i, 7, 8, 9,
						'y', i, .25f));
	}
	report("many arguments");
}

/* ---- variable arguments: %al bounds the vector registers in use --------- */

typedef long variadic_fn(const char *, ...);

NOIPA static long gather(const char *kinds, ...)
{
	long total = 0;
	va_list ap;

	va_start(ap, kinds);
	for (; *kinds; kinds++) {
		switch (*kinds) {
		case 'i':
			total = total * 3 + va_arg(ap, int);
			break;
		case 'l':
			total = total * 5 + va_arg(ap, long);
			break;
		case 'd':
			total = total * 7 + (long)(va_arg(ap, double) * 4);
			break;
		case 'D':
			total = total * 11 + (long)(va_arg(ap, long double) * 8);
			break;
		case 's':
			total = total * 13 + (long)strlen(va_arg(ap, char *));
			break;
		case 'b':
			total = total * 17 + va_arg(ap, struct blob).c;
			break;
		}
	}
	va_end(ap);
	return total;
}

/* Returns the %al its caller set. */
long al_probe(const char *, ...);
__asm__(".pushsection .text\n"
	".type al_probe, @function\n"
	"al_probe:\n"
	".cfi_startproc\n"
	"	movzbl %al, %eax\n"
	"	ret\n"
	".cfi_endproc\n"
	".size al_probe, . - al_probe\n"
	".popsection");

NOIPA static long variadic_tail(variadic_fn **slot, long a, double d)
{
	return (*slot)("lldd", a, a + 1, d, d + 1);
}

static void variable_arguments(void)
{
	int (*print)(char *, size_t, const char *, ...) = snprintf;
	variadic_fn *p = gather, *probe = al_probe;
	struct blob s = { 1, 2, 3, 4, 5 };
	char line[128];

	HIDE(p);
	HIDE(probe);
	HIDE(print);
	for (int i = 0; i < 200; i++) {
		double d = i * .25;

		mix((uint64_t)p(""));
		mix((uint64_t)p("iil", i, -i, (long)i << 33));
		mix((uint64_t)p("d", d));
		mix((uint64_t)p("idididid", 1, d, 2, d + 1, 3, d + 2, i, d + 3));
		mix((uint64_t)p("dddddddddddd", d, d, 1., d, 2., d, d, d, 3., d, d, d));
		mix((uint64_t)p("sDbdillllll", "four", (long double)d, s, d, i, 1l, 2l, 3l, 4l, 5l, 6l));
		mix((uint64_t)variadic_tail(&p, i, d));
		print(line, sizeof line, "%d %.3f %s %Lf %lx %.2f", i, d, "text", (long double)d, 255l, d);
		mix_string(line);
	}
	expect(probe("") == 0, "%al with no vector argument");
	expect(probe("", 1, 2., 3.) >= 2, "%al with two vector arguments");
	expect(probe("", 1., 2., 3., 4., 5., 6., 7., 8., 9.) == 8, "%al with nine vector arguments");
	expect(variadic_tail(&probe, 1, 2) >= 2, "%al at a tail call");
	report("varargs");
}

/* ---- structures returned in registers and through a hidden pointer ------ */

struct two_ints { long a, b; };
struct two_reals { double x, y; };
struct int_real { long a; double x; };
struct real_int { double x; int a; };
struct floats { float f[3]; };
struct large { long v[9]; };

NOIPA static struct two_ints ret_two_ints(long i) { return (struct two_ints){ i, ~i }; }
NOIPA static struct two_reals ret_two_reals(long i) { return (struct two_reals){ i, i * .5 }; }
NOIPA static struct int_real ret_int_real(long i) { return (struct int_real){ i, i * .25 }; }
NOIPA static struct real_int ret_real_int(long i) { return (struct real_int){ i * 4., (int)i }; }
NOIPA static struct floats ret_floats(long i) { return (struct floats){ { i, i + 1, i + 2 } }; }
NOIPA static struct large ret_large(long i)
{
	struct large l;

	for (int k = 0; k < 9; k++)
		l.v[k] = i * k + 1;
	return l;
}

static const struct return_table {
	struct two_ints (*two_ints)(long);
	struct two_reals (*two_reals)(long);
	struct int_real (*int_real)(long);
	struct real_int (*real_int)(long);
	struct floats (*floats)(long);
	struct large (*large)(long);
} returns = { ret_two_ints, ret_two_reals, ret_int_real, ret_real_int, ret_floats, ret_large };

NOIPA static struct large large_tail(const struct return_table *t, long i)
{
	return t->large(i + 1);
}

static void structure_returns(void)
{
	const struct return_table *t = &returns;

	HIDE(t);
	for (long i = 0; i < 200; i++) {
		struct two_ints a = t->two_ints(i);
		struct two_reals b = t->two_reals(i);
		struct int_real c = t->int_real(i);
		struct real_int d = t->real_int(i);
		struct floats e = t->floats(i);
		struct large f = t->large(i), g = large_tail(t, i);

		mix((uint64_t)(a.a ^ a.b << 7));
		mix_double(b.x + b.y);
		mix_double((double)c.a * c.x + d.x - d.a);
		mix_double((double)(e.f[0] * e.f[1] - e.f[2]));
		mix((uint64_t)(f.v[0] + f.v[8] * 3 + g.v[5] * 5));
	}
	report("struct returns");
}

/* ---- nested functions: the static chain in %r10 ------------------------- */

typedef long nested_fn(long);

NOIPA static long apply(nested_fn *f, long n)
{
	long total = 0;

	for (long i = 0; i < n; i++)
		total = total * 3 + f(i);
	return total;
}

NOIPA static long nested_outer(long seed)
{
	long calls = 0, bias = seed * 7;
	nested_fn *p;

	long inner(long x)
	{
		long innermost(long y)
		{
			calls += y & 1;
			return y + bias + x;
		}
		nested_fn *q = innermost;

		HIDE(q);
		calls++;
		return q(x + 1) + innermost(x) * seed;
	}

	p = inner;
	HIDE(p);
	long r = p(3) + apply(inner, 10) + inner(seed);

	return r * 5 + calls;
}

/* (chain[0] * first argument) + chain[1]; reads nothing but %r10 and %rdi. */
long chain_reader(long, ...);
__asm__(".pushsection .text\n"
	".type chain_reader, @function\n"
	"chain_reader:\n"
	".cfi_startproc\n"
	"	movq (%r10), %rax\n"
	"	imulq %rdi, %rax\n"
	"	addq 8(%r10), %rax\n"
	"	ret\n"
	".cfi_endproc\n"
	".size chain_reader, . - chain_reader\n"
	".popsection");

typedef long chain_fn(long, ...);

NOIPA static long chain_call(chain_fn *f, long *chain, long a)
{
	return __builtin_call_with_static_chain(f(a, 2, 3, 4, 5, 6), chain) + 1;
}

/* Six arguments, %al and %r10 are taken, so the target can only be in %r11. */
NOIPA static long chain_tail(long a, long b, long c, long d, long e, long f, long *chain,
			     chain_fn *fn)
{
	return __builtin_call_with_static_chain(fn(a, b, c, d, e, f), chain);
}

static void nested_functions(void)
{
	chain_fn *p = chain_reader;

	HIDE(p);
	for (long i = 0; i < 100; i++) {
		long chain[2] = { i + 3, i * i };

		mix((uint64_t)nested_outer(i));
		mix((uint64_t)chain_call(p, chain, i));
		mix((uint64_t)chain_tail(i, 1, 2, 3, 4, 5, chain, p));
	}
	report("static chain");
}

/* ---- __int128, long double, _Complex ------------------------------------ */

NOIPA static u128 wide_mul(u128 a, u128 b, long pad, u128 c) { return a * b + c - (u128)pad; }
NOIPA static long double x87_mad(long double a, double b, long double c) { return a * b + c; }
NOIPA static double complex turn(double complex z, double k) { return z * k + CMPLX(k, -k); }
NOIPA static float complex turn_float(float complex z) { return CMPLXF(-cimagf(z), crealf(z)); }
NOIPA static long double complex turn_x87(long double complex z)
{
	return CMPLXL(-cimagl(z), creall(z) + 1);
}

static u128 (*volatile wide_slot)(u128, u128, long, u128) = wide_mul;
static long double (*volatile x87_slot)(long double, double, long double) = x87_mad;
static double complex (*volatile turn_slot)(double complex, double) = turn;
static float complex (*volatile turn_float_slot)(float complex) = turn_float;
static long double complex (*volatile turn_x87_slot)(long double complex) = turn_x87;

static void wide_types(void)
{
	u128 w = 1;

	for (int i = 1; i < 200; i++) {
		long double x = x87_slot(i, 3, .5L);
		double complex z = turn_slot(CMPLX(i, -i), 2);
		float complex f = turn_float_slot(CMPLXF((float)i, 2));
		long double complex l = turn_x87_slot(CMPLXL(i, x));

		w = wide_slot(w, (u128)i << 70 | 0x9e3779b97f4a7c15u, i, w >> 3);
		mix((uint64_t)w);
		mix((uint64_t)(w >> 64));
		mix_double((double)x);
		mix_double(creal(z) - 3 * cimag(z));
		mix_double((double)(crealf(f) * 5 + cimagf(f)));
		mix_double((double)(creall(l) * 2 + cimagl(l)));
	}
	report("wide types");
}

/* ---- Microsoft's convention, both ways ---------------------------------- */

typedef long MS_ABI ms_fn(long, double, long, double, long, struct blob, double);
typedef long sysv_fn(long, double, long, double, long, struct blob, double);
typedef long MS_ABI ms_variadic_fn(int, ...);

NOIPA static long sysv_side(long a, double b, long c, double d, long e, struct blob s, double f)
{
	return a + (long)(b * 2) * c - (long)d * e + s.d * (long)f;
}

static sysv_fn *volatile sysv_slot = sysv_side;

NOIPA MS_ABI static long ms_side(long a, double b, long c, double d, long e, struct blob s, double f)
{
	/* %rsi, %rdi and %xmm6-15 belong to this function's caller. */
	long before = a * c + e, r = sysv_slot(a, b, c, d, e, s, f);

	return r * 3 + before + (long)(b + d + f);
}

NOIPA MS_ABI static long ms_gather(int n, ...)
{
	__builtin_ms_va_list ap;
	long total = 0;

	__builtin_ms_va_start(ap, n);
	while (n--)
		total = total * 3 + __builtin_va_arg(ap, long);
	__builtin_ms_va_end(ap);
	return total;
}

NOIPA static long ms_call(ms_fn **slot, long i, double x)
{
	struct blob s = { 1, 2, 3, i, 5 };
	double y = x * 2;

	for (int k = 0; k < 4; k++)
		y += (double)(*slot)(i, x, k, y, 9, s, x + 1);
	return (long)(y + x);
}

static void ms_abi(void)
{
	ms_variadic_fn *v = ms_gather;
	ms_fn *p = ms_side;

	HIDE(p);
	HIDE(v);
	for (long i = 0; i < 100; i++) {
		mix((uint64_t)ms_call(&p, i, .5 * (double)i));
		mix((uint64_t)v(6, i, 1l, i + 2, 3l, 4l, i + 5));
	}
	report("ms_abi");
}

/* ---- vectors in %ymm and %zmm ------------------------------------------- */

typedef long v4 __attribute__((vector_size(32)));
typedef double v8 __attribute__((vector_size(64)));

typedef v4 ymm_fn(v4, v4, v4);
typedef v8 zmm_fn(v8, v8, double, v8);

__attribute__((noipa, target("avx2"))) static v4 ymm_add(v4 a, v4 b, v4 c) { return a + b - (c ^ a); }

__attribute__((noipa, target("avx512f"))) static v8 zmm_mad(v8 a, v8 b, double k, v8 c)
{
	return a * b + c * k;
}

__attribute__((noipa, target("avx2"))) static void ymm_call(ymm_fn *f, long i, long out[4])
{
	v4 a = { i, i + 1, i + 2, i + 3 }, b = a * 3, c = b + 7, live = a ^ b;

	for (int k = 0; k < 3; k++)
		a = f(a, b, c) + live;
	memcpy(out, &a, sizeof a);
}

__attribute__((noipa, target("avx512f"))) static void zmm_call(zmm_fn **f, long i, double out[8])
{
	double x = (double)i;
	v8 a = { x, x + 1, x + 2, x + 3, x + 4, x + 5, x + 6, x + 7 }, b = a + 2, live = a - b;

	a = (*f)(a, b, 2, a) + live;
	a = (*f)(a, live, .5, b) + live;
	memcpy(out, &a, sizeof a);
}

/* What ymm_call and zmm_call must return, on any processor. */
NOIPA static void ymm_expected(long i, long out[4])
{
	for (int n = 0; n < 4; n++) {
		long a = i + n, b = a * 3, c = b + 7, live = a ^ b;

		for (int k = 0; k < 3; k++)
			a = a + b - (c ^ a) + live;
		out[n] = a;
	}
}

NOIPA static void zmm_expected(long i, double out[8])
{
	for (int n = 0; n < 8; n++) {
		double a = (double)(i + n), b = a + 2, live = a - b;

		a = a * b + a * 2 + live;
		out[n] = a * live + b * .5 + live;
	}
}

static void vectors(void)
{
	int avx2 = __builtin_cpu_supports("avx2"), avx512 = __builtin_cpu_supports("avx512f");
	ymm_fn *y = ymm_add;
	zmm_fn *z = zmm_mad;

	HIDE(y);
	HIDE(z);
	for (long i = 0; i < 100; i++) {
		long narrow[4], narrow_got[4];
		double wide[8], wide_got[8];

		ymm_expected(i, narrow);
		zmm_expected(i, wide);
		if (avx2) {
			ymm_call(y, i, narrow_got);
			expect(!memcmp(narrow, narrow_got, sizeof narrow), "ymm values");
		}
		if (avx512) {
			zmm_call(&z, i, wide_got);
			expect(!memcmp(wide, wide_got, sizeof wide), "zmm values");
		}
		for (int n = 0; n < 8; n++) {
			mix((uint64_t)narrow[n & 3]);
			mix_double(wide[n]);
		}
	}
	report("vectors");
}

/* ---- leaving through longjmp -------------------------------------------- */

typedef void leave_fn(void *, int);

NOIPA static void leave_libc(void *env, int n)
{
	if (n > 0)
		longjmp(*(jmp_buf *)env, n);
}

NOIPA static void leave_builtin(void *env, int n)
{
	if (n > 0)
		__builtin_longjmp(env, 1);
}

static leave_fn *volatile leave_table[] = { leave_libc, leave_builtin };

NOIPA static void descend(leave_fn *f, void *env, int n, int depth)
{
	if (depth)
		descend(f, env, n, depth - 1);
	else
		f(env, n);
	mix(1);
}

NOIPA static int jump_libc(int n)
{
	jmp_buf env;
	int r = setjmp(env);

	if (r)
		return r * 3;
	descend(leave_table[0], &env, n, 5);
	return -1;
}

NOIPA static int jump_builtin(int n)
{
	void *env[5];

	if (__builtin_setjmp(env))
		return 7;
	descend(leave_table[1], env, n, 5);
	return -2;
}

static void long_jumps(void)
{
	int (*volatile both[2])(int) = { jump_libc, jump_builtin };

	for (int i = 0; i < 200; i++)
		mix((uint64_t)both[i & 1](i % 3));
	report("longjmp");
}

/* ---- indirect tail calls ------------------------------------------------ */

struct machine;
typedef long step_fn(struct machine *, long);

struct ops {
	long tag;
	step_fn *step[4];
};

struct machine {
	const struct ops *ops;
	long left, acc;
	step_fn *finish;
};

/* A tail call with its target in memory at base + index * 8 + 8. */
#define NEXT(m, v) return (m)->ops->step[(v) & 3]((m), (v))

static step_fn *step_global;

NOIPA static long step_add(struct machine *m, long v)
{
	m->acc += v;
	if (--m->left <= 0)
		return m->finish(m, v);
	NEXT(m, v * 5 + 1);
}

NOIPA static long step_xor(struct machine *m, long v)
{
	m->acc ^= v << 3;
	if (--m->left <= 0)
		return m->finish(m, v);
	NEXT(m, v + (m->acc & 7) + 3);
}

NOIPA static long step_register(struct machine *m, long v)
{
	step_fn *f = m->ops->step[m->acc & 1];

	HIDE(f);
	m->left--;
	return f(m, v + 1);
}

NOIPA static long step_through_global(struct machine *m, long v)
{
	m->left--;
	return step_global(m, v ^ 5);
}

NOIPA static long step_finish(struct machine *m, long v) { return m->acc * 9 + v; }

static const struct ops machine_ops = {
	.tag = 1,
	.step = { step_add, step_xor, step_register, step_through_global },
};

NOIPA static long by_index(long i, const struct ops *o, struct machine *m)
{
	return ((long (*)(long, const struct ops *, struct machine *))(void *)o->step[i])(i, o, m);
}

NOIPA static long index_leaf(long i, const struct ops *o, struct machine *m)
{
	return i * 10 + o->tag + m->left;
}

static void tail_calls(void)
{
	struct ops leaves = { .tag = 4 };

	step_global = step_xor;
	for (size_t i = 0; i < COUNT(leaves.step); i++)
		leaves.step[i] = (step_fn *)(void *)index_leaf;
	for (long i = 0; i < 100; i++) {
		struct machine m = { &machine_ops, 200 + i, i, step_finish };

		HIDE(m.ops);
		mix((uint64_t)m.ops->step[i & 3](&m, i));
		mix((uint64_t)by_index(i & 3, &leaves, &m));
	}
	report("tail calls");
}

/* ---- recursion through a pointer ---------------------------------------- */

static long (*volatile ackermann_slot)(long, long);

NOIPA static long ackermann(long m, long n)
{
	if (!m)
		return n + 1;
	if (!n)
		return ackermann_slot(m - 1, 1);
	return ackermann_slot(m - 1, ackermann_slot(m, n - 1));
}

static void recursion(void)
{
	ackermann_slot = ackermann;
	for (long n = 0; n < 6; n++)
		mix((uint64_t)ackermann_slot(2, n) + (uint64_t)ackermann_slot(3, n & 3));
	report("recursion");
}

/* ---- computed goto, jump table and indirect tail call in one function --- */

NOIPA static long interpret(const unsigned char *code, long acc, step_fn *exit_fn, struct machine *m)
{
	static const void *const labels[] = { &&op_add, &&op_mul, &&op_switch, &&op_call, &&op_exit };

#define DISPATCH() goto *labels[*code++]
	DISPATCH();
op_add:
	acc += *code++;
	DISPATCH();
op_mul:
	acc *= *code++;
	DISPATCH();
op_switch:
	switch (acc & 15) {
	case 0: acc += m->left; break;
	case 1: acc ^= 0x55; break;
	case 2: acc = acc * 3 + m->acc; break;
	case 3: acc -= 17; break;
	case 4: acc = ~acc; break;
	case 5: acc += m->finish(m, acc); break;
	case 6: acc <<= 1; break;
	case 7: acc ^= acc >> 5; break;
	case 8: return exit_fn(m, acc + 1);
	case 9: m->acc = acc; break;
	case 10: return m->finish(m, acc - 1);
	case 11: acc += 1000; break;
	default: acc++; break;
	}
	DISPATCH();
op_call:
	acc += exit_fn(m, acc) & 0xffff;
	DISPATCH();
op_exit:
	return exit_fn(m, acc);
#undef DISPATCH
}

static void jump_tables(void)
{
	static const unsigned char code[] = { 0, 3, 1, 7, 2, 3, 0, 9, 2, 1, 5, 2, 3, 2, 0, 1, 2, 4 };
	step_fn *f = step_finish;

	HIDE(f);
	for (long i = 0; i < 300; i++) {
		struct machine m = { &machine_ops, i, i * 3, f };

		mix((uint64_t)interpret(code, i, f, &m));
		mix((uint64_t)m.acc);
	}
	report("jump tables");
}

/* ---- callbacks from the C library --------------------------------------- */

static int by_value(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static int by_value_down(const void *a, const void *b) { return by_value(b, a); }

static int (*volatile orders[])(const void *, const void *) = { by_value, by_value_down };

static void callbacks(void)
{
	int v[500];

	for (size_t round = 0; round < 4; round++) {
		for (size_t i = 0; i < COUNT(v); i++)
			v[i] = (int)((i * 7919 + round * 31) % 1009);
		qsort(v, COUNT(v), sizeof v[0], orders[round & 1]);
		for (size_t i = 0; i < COUNT(v); i += 7)
			mix((uint64_t)v[i]);
		for (int key = 0; key < 60; key++) {
			const int *hit = bsearch(&key, v, COUNT(v), sizeof v[0], orders[round & 1]);

			mix(hit ? (uint64_t)(*hit + 1) : 0);
		}
	}
	report("callbacks");
}

/* ---- targets in memory with no register to spare ------------------------ */

typedef long leaf_fn(long, long, long, long, long, long);

NOIPA static long leaf(long a, long b, long c, long d, long e, long f)
{
	return a - 2 * b + 3 * c - 4 * d + 5 * e - 6 * f;
}

struct crowd {
	long pad;
	leaf_fn *fn[3];
};

NOIPA static long crowded(const struct crowd *t, leaf_fn *spilled, const long *in)
{
	long a = in[0], b = in[1], c = in[2], d = in[3], e = in[4], f = in[5], g = in[6], h = in[7];
	long i = in[8], j = in[9], k = in[10], l = in[11];
	double w = (double)a, x = (double)b, y = (double)c, z = (double)d;

	for (int n = 0; n < 4; n++) {
		long r = t->fn[n % 3](a, b, c, d, e, f);
		long s = spilled(l, k, j, i, h, g);

		a += r, b ^= s, c -= r, d += 3, e ^= r, f += s, g -= a, h ^= b, i += c, j ^= d;
		k += e, l -= f;
		w += (double)(r & 255), x -= (double)(s & 255), y += w, z -= x;
		/* All twelve are needed in registers here, six at a time, and again below. */
		__asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
		__asm__ volatile("" : "+r"(g), "+r"(h), "+r"(i), "+r"(j), "+r"(k), "+r"(l));
	}
	return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ i ^ j ^ k ^ l ^ (long)(w + x + y + z);
}

/* The target read straight from the caller's frame, past the arguments. */
NOIPA static long from_stack(long a, long b, long c, long d, long e, long f, leaf_fn *on_stack)
{
	return on_stack(f, e, d, c, b, a);
}

static void pressure(void)
{
	struct crowd t = { 0, { leaf, leaf, leaf } };
	leaf_fn *p = leaf;
	long in[12];

	HIDE(p);
	for (long i = 0; i < 100; i++) {
		for (size_t n = 0; n < COUNT(in); n++)
			in[n] = i * 13 + (long)n * 5;
		mix((uint64_t)crowded(&t, p, in));
		mix((uint64_t)from_stack(i, 2, i + 3, 4, 5, 6, p));
	}
	report("pressure");
}

/* ---- targets in chosen registers ---------------------------------------- */

#define CALL_IN(reg)                                                                   \
	NOIPA static long call_in_##reg(leaf_fn *f, long a)                            \
	{                                                                              \
		register leaf_fn *target __asm__(#reg) = f;                            \
									       \
		__asm__ volatile("" : "+r"(target));                                   \
		return target(a, 2, 3, a, 5, 6) + a;                                   \
	}

CALL_IN(rax)
CALL_IN(rbx)
CALL_IN(r10)
CALL_IN(r11)
CALL_IN(r12)
CALL_IN(r13)
CALL_IN(r14)
CALL_IN(r15)

NOIPA static long tail_in_r11(long a, long b, long c, long d, long e, long f, leaf_fn *fn)
{
	register leaf_fn *target __asm__("r11") = fn;

	__asm__ volatile("" : "+r"(target));
	return target(b, a, d, c, f, e);
}

static void registers(void)
{
	static long (*const callers[])(leaf_fn *, long) = {
		call_in_rax, call_in_rbx, call_in_r10, call_in_r11,
		call_in_r12, call_in_r13, call_in_r14, call_in_r15,
	};
	leaf_fn *p = leaf;

	HIDE(p);
	for (long i = 0; i < 100; i++) {
		for (size_t n = 0; n < COUNT(callers); n++)
			mix((uint64_t)callers[n](p, i + (long)n));
		mix((uint64_t)tail_in_r11(i, 1, 2, 3, 4, 5, p));
	}
	report("registers");
}

int main(void)
{
	static void (*const sections[])(void) = {
		many_arguments, variable_arguments, structure_returns, nested_functions, wide_types,
		ms_abi, vectors, long_jumps, tail_calls, recursion,
		jump_tables, callbacks, pressure, registers,
	};

	for (size_t i = 0; i < COUNT(sections); i++) {
		void (*volatile section)(void) = sections[i];

		section();
	}
	puts("ok");
	return 0;
}
