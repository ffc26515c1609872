/*
 * clang's preserve_none convention (19 and later): the eleventh integer argument travels in %r11, so a call through
 * memory may not load its target there. Fewer arguments leave %r11 free.
 *
 *   clang-19 -O2 -o preserve_none preserve_none.c
 */
#include <stdio.h>

#define NONE __attribute__((preserve_none))
#define NOINLINE __attribute__((noinline))

typedef long NONE twelve_fn(long, long, long, long, long, long, long, long, long, long, long, long);
typedef long NONE three_fn(long, long, long);

static NOINLINE NONE long weigh(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k,
				long l)
{
	return a + 2 * b + 3 * c + 5 * d + 7 * e + 11 * f + 13 * g + 17 * h + 19 * i + 23 * j + 29 * k + 31 * l;
}

static NOINLINE NONE long mix(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j, long k,
			      long l)
{
	return (a ^ b) + (c ^ d) * (e | f) - (g & h) + (i << 2) - j * k + (l ^ k);
}

static NOINLINE NONE long add(long a, long b, long c)
{
	return a + b + c;
}

twelve_fn *volatile twelves[] = {weigh, mix};
three_fn *volatile three = add;
twelve_fn *twelve = weigh;

NOINLINE long through_memory(long a, long b)
{
	return twelve(a, b, 3, 4, 5, 6, 7, 8, 9, 10, a * b + 5, b - a) + 1;
}

NOINLINE long either(long a, long b)
{
	if (a & 1)
		return twelve(a, b, 3, 4, 5, 6, 7, 8, 9, 10, a + 9, b) + 1;
	return twelve(b, a, 3, 4, 5, 6, 7, 8, 9, 10, b * 5, a) + 1;
}

NOINLINE long by_table(long n, long a)
{
	return twelves[n & 1](a, a + 1, a + 2, a + 3, a + 4, a + 5, a + 6, a + 7, a + 8, a + 9, a * a + 10, n) + 1;
}

int main(void)
{
	for (long n = 0; n < 6; n++) {
		twelve = twelves[n % 2];
		printf("%ld %ld %ld %ld\n", through_memory(n, 7), either(n, 5), by_table(n, 3), three(n, 2, 1) + n);
	}
	return 0;
}
