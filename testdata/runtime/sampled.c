/* sampled.c - a second of calls through one site, for a profiler to look at. */
#include <stdio.h>

static long one(long x) { return x + 1; }
static long two(long x) { return x + 2; }
static long three(long x) { return x + 3; }
static long (*volatile functions[4])(long) = { one, two, three, one };

__attribute__((noipa)) static long inner(long count)
{
	long sum = 0;

	for (long i = 0; i < count; i++)
		sum += functions[i & 3](i) + 1;
	return sum;
}

__attribute__((noipa)) static long outer(long count)
{
	return inner(count) + 1;
}

int main(void)
{
	return outer(200000000) == 0;
}
