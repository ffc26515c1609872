/*
 * clang's preserve_all and preserve_most conventions through function pointers.
 * A callee of these conventions keeps every general register but %r11 (and,
 * preserve_all, every vector register), so a caller keeps its live values in
 * %rax, %rcx, %r8 and the rest right across the call: whatever carries out an
 * indirect call may touch none of them.
 *
 *   clang-14 -O2 [-fno-integrated-as] -o preserve_all preserve_all.c
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOINLINE __attribute__((noinline))
#define ALL __attribute__((preserve_all))
#define MOST __attribute__((preserve_most))
#define HIDE(p) __asm__ volatile("" : "+r"(p))

typedef double v2 __attribute__((vector_size(16)));
typedef void ALL all_fn(long);
typedef void MOST most_fn(long);

static uint64_t sum = 0xcbf29ce484222325u;
static volatile long calls;

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

/* Ordinary code, so that the callees really have registers to save. */
NOINLINE static void clobber(long n)
{
	__asm__ volatile("" : "+r"(n) : : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11",
			 "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7");
	calls = calls + n;
	mix((uint64_t)n);
}

NOINLINE static void ALL keep_all(long n) { clobber(n); }
NOINLINE static void ALL keep_all_twice(long n) { clobber(n); clobber(n + 1); }
NOINLINE static void MOST keep_most(long n) { clobber(n * 3); }
NOINLINE static void MOST keep_most_twice(long n) { clobber(n); clobber(~n); }

struct hooks {
	long pad;
	all_fn *all[2];
	most_fn *most[2];
};

static struct hooks hooks = { 0, { keep_all, keep_all_twice }, { keep_most, keep_most_twice } };
static all_fn *volatile all_slot = keep_all;
static most_fn *volatile most_slot = keep_most;

/* Eight integers and four doubles live across each call, target in a register. */
NOINLINE static long ints_across(all_fn *all, most_fn *most, const long *in)
{
	long a = in[0], b = in[1], c = in[2], d = in[3], e = in[4], f = in[5], g = in[6], h = in[7];

	for (long i = 0; i < 5; i++) {
		all(i);
		a += b, b ^= c, c -= d, d += e;
		most(i + 1);
		e ^= f, f += g, g -= h, h += a;
	}
	return a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f + 17 * g + 19 * h;
}

/* The same with the target in memory, indexed. */
NOINLINE static long table_across(const struct hooks *t, const long *in)
{
	long a = in[0], b = in[1], c = in[2], d = in[3], e = in[4], f = in[5], g = in[6], h = in[7];

	for (long i = 0; i < 6; i++) {
		t->all[i & 1](i);
		a += b, b ^= c, c -= d, d += e;
		t->most[i & 1](a);
		e ^= f, f += g, g -= h, h += a;
		all_slot(e);
		most_slot(h);
	}
	return a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f + 17 * g + 19 * h;
}

/* preserve_all keeps the vector registers too. */
NOINLINE static double reals_across(all_fn *all, double a, double b, double c, double d)
{
	v2 v = { a, b }, w = { c, d }, x = v + w;

	for (long i = 0; i < 5; i++) {
		all(i);
		v += x, a += b;
		all(i * 7);
		w -= x, c -= d, b += 1, d += 2;
	}
	return a * 3 + b * 5 + c * 7 + d * 11 + v[0] * 13 + v[1] * 17 + w[0] * 19 + w[1] * 23;
}

/* Forwarding from within the convention: few registers are free for the target. */
NOINLINE static void ALL all_tail(long n)
{
	all_slot(n + 2);
}

NOINLINE static void MOST most_tail(long n)
{
	most_fn *f = hooks.most[n & 1];

	HIDE(f);
	f(n + 3);
}

/* What ints_across must return, since its callees leave its values alone. */
NOINLINE static long ints_expected(const long *in)
{
	long v[8];

	memcpy(v, in, sizeof v);
	for (int i = 0; i < 5; i++) {
		v[0] += v[1], v[1] ^= v[2], v[2] -= v[3], v[3] += v[4];
		v[4] ^= v[5], v[5] += v[6], v[6] -= v[7], v[7] += v[0];
	}
	return v[0] + 3 * v[1] + 5 * v[2] + 7 * v[3] + 11 * v[4] + 13 * v[5] + 17 * v[6] + 19 * v[7];
}

int main(void)
{
	all_fn *all[] = { keep_all, keep_all_twice, all_tail };
	most_fn *most[] = { keep_most, most_tail, keep_most_twice };
	const struct hooks *t = &hooks;

	HIDE(t);
	for (long i = 0; i < 300; i++) {
		all_fn *a = all[i % 3];
		most_fn *m = most[i % 3];
		long in[8];

		HIDE(a);
		HIDE(m);
		for (long n = 0; n < 8; n++)
			in[n] = i * 31 + n * 7;
		long got = ints_across(a, m, in);

		expect(got == ints_expected(in), "integers live across preserve_all and preserve_most");
		mix((uint64_t)got);
		mix((uint64_t)table_across(t, in));

		double r = reals_across(a, (double)i, 2, 3, (double)i + 4);

		mix((uint64_t)(long)r);
	}
	printf("calls %ld\nsum   %016llx\nok\n", calls, (unsigned long long)sum);
	return 0;
}
