/*
 * Calls in a loop, in nanoseconds of CPU a call: calls SHAPE COUNT
 *
 *   direct   a direct call; all other work as in `pointer`
 *   static   a static call
 *   pointer1, pointer2, pointer4, pointer16
 *            one call through a pointer that takes as many values in turn
 *   sites    256 different calls in turn, each with one target of its own
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <asmrewrite/static_call.h>

typedef long function(long);

#define FUNCTION(n) __attribute__((noipa)) long add##n(long v) { return v + 1 + n; }
FUNCTION(0) FUNCTION(1) FUNCTION(2) FUNCTION(3) FUNCTION(4) FUNCTION(5) FUNCTION(6) FUNCTION(7)
FUNCTION(8) FUNCTION(9) FUNCTION(10) FUNCTION(11) FUNCTION(12) FUNCTION(13) FUNCTION(14) FUNCTION(15)

function *functions[16] = {
	add0, add1, add2, add3, add4, add5, add6, add7, add8, add9, add10, add11, add12, add13, add14, add15,
};

DEFINE_STATIC_CALL(add, add0);

static __attribute__((noipa)) long direct(long count, long mask)
{
	long v = 0;
	for (long i = 0; i < count; i++) {
		__asm__ volatile("" : : "r"(functions[i & mask]));
		v = add0(v);
	}
	return v;
}

static __attribute__((noipa)) long through_trampoline(long count, long mask)
{
	long v = 0;
	for (long i = 0; i < count; i++) {
		__asm__ volatile("" : : "r"(functions[i & mask]));
		v = static_call(add)(v);
	}
	return v;
}

static __attribute__((noipa)) long pointer(long count, long mask)
{
	long v = 0;
	for (long i = 0; i < count; i++)
		v = functions[i & mask](v);
	return v;
}

#define SITE(n) v = functions[n](v);
#define SITES16 SITE(0) SITE(1) SITE(2) SITE(3) SITE(4) SITE(5) SITE(6) SITE(7) \
	SITE(8) SITE(9) SITE(10) SITE(11) SITE(12) SITE(13) SITE(14) SITE(15)
#define SITES64 SITES16 SITES16 SITES16 SITES16

static __attribute__((noipa)) long sites(long count, long mask)
{
	long v = mask;
	for (long i = 0; i < count; i += 256) {
		SITES64 SITES64 SITES64 SITES64
	}
	return v;
}

static const struct shape {
	const char *name;
	long (*run)(long count, long mask);
	long mask;
} shapes[] = {
	{ "direct", direct, 0 },
	{ "static", through_trampoline, 0 },
	{ "pointer1", pointer, 0 },
	{ "pointer2", pointer, 1 },
	{ "pointer4", pointer, 3 },
	{ "pointer16", pointer, 15 },
	{ "sites", sites, 0 },
};

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	for (size_t i = 0; argc == 3 && i < sizeof shapes / sizeof *shapes; i++) {
		if (strcmp(shapes[i].name, argv[1]))
			continue;
		long count = atol(argv[2]);
		double start = seconds();
		volatile long sum = shapes[i].run(count, shapes[i].mask);
		double end = seconds();
		(void)sum;
		printf("%.4f\n", (end - start) * 1e9 / count);
		return 0;
	}
	fprintf(stderr, "usage: calls SHAPE COUNT\n");
	return 2;
}
