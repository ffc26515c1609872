/* hot.c - a small function, or a tracepoint, in a loop: hot CALLS BURST PAUSE
 *
 * After each BURST calls it sleeps PAUSE microseconds, which take no CPU time, so that whoever reads the events keeps
 * up: what is measured is what recording costs. Printed: nanoseconds of CPU of this process for the loop, all its
 * threads, and how many calls it made in all, the first ones included, which are not measured.
 *
 * -DMARKER has a marker of ours in the loop, -DLTTNG a tracepoint of LTTng, each with one number.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#ifdef MARKER
#include <asmrewrite/marker.h>
#define POINT(n)	MARK(hot_point, "%d", n)
#elif defined LTTNG
#include "hot_lttng.h"
#define POINT(n)	lttng_ust_tracepoint(hot, point, n)
#else
#define POINT(n)
#endif

#define FIRST	1000

__attribute__((noinline)) int hot(int number)
{
	__asm__ volatile("" : "+r"(number));
	POINT(number);
	return number + 1;
}

__attribute__((no_instrument_function)) static double cpu(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

__attribute__((no_instrument_function)) int main(int argc, char **argv)
{
	const long calls = atol(argv[1]), burst = atol(argv[2]);
	const useconds_t pause = (useconds_t)atol(argv[3]);
	double spent = 0;
	int sum = argc;

	for (long i = 0; i < FIRST; i++)
		sum = hot(sum);
	usleep(100000);
	for (long done = 0; done < calls; done += burst) {
		const double start = cpu();

		for (long i = 0; i < burst; i++)
			sum = hot(sum);
		spent += cpu() - start;
		usleep(pause);
	}
	fprintf(stderr, "hot: %.0f %ld\n", spent, FIRST + calls);
	return sum == 1;
}
