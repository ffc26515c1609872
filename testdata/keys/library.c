/* library.c - another shared object, or a part of the program; and what the shapes call. */
#include <stdlib.h>

#include "templates.h"

DEFINE_STATIC_KEY_FALSE(corpus_far);
DEFINE_STATIC_KEY_TRUE(corpus_away);

volatile long ext_sink;
__attribute__((noinline)) long ext1(long x) { return x * 7 + 3; }
__attribute__((noinline)) long ext2(long x) { return (x ^ 0x55) - 1; }
__attribute__((noinline)) void ext_void(long x) { ext_sink = x; }
__attribute__((noinline)) double ext_double(double d) { return d / 2 + 1; }
__attribute__((noinline)) long ext_many(long a, long b, long c, long d, long e, long f, long g, long h)
{
	return a + 3 * b + 5 * c + 7 * d + 11 * e + 13 * f + 17 * g + 19 * h;
}

static long in_library(long x) { if (static_branch_unlikely(&corpus_far)) return ext1(x); return x + 1; }
static long in_library_likely(long x) { return static_branch_likely(&corpus_away) && x > 2 ? ext2(x) : x; }
static long in_library_mark(long x) { MARK(corpus_library, "%ld", x); return x; }
static long in_library_loop(long x)
{
	long s = 0;

	for (long i = 0; i < (x & 7); i++)
		if (static_branch_unlikely(&corpus_far) || static_branch_unlikely(&corpus_away))
			s += ext1(i);
	return s;
}

void library_list(void (*shape)(const struct shape *), void (*key)(const struct listed_key *))
{
	static const struct shape shapes[] = {
		{ "in_library", in_library }, { "in_library_likely", in_library_likely },
		{ "in_library_mark", in_library_mark }, { "in_library_loop", in_library_loop },
	};
	static const struct listed_key keys[] = { { "corpus_far", &corpus_far }, { "corpus_away", &corpus_away } };

	for (int i = 0; i < 4; i++)
		shape(&shapes[i]);
	for (int i = 0; i < 2; i++)
		key(&keys[i]);
}
