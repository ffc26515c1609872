/* calls.c - relpolines and static calls of this program and of a shared object, called and changed without pause.
 *
 * usage: calls SECONDS THREADS LIBRARY
 *
 * Every thread calls through tables of functions that say who they are, and counts answers of another. Meanwhile one
 * thread pins, excludes, stops, starts and retrains sites and updates a static call; another loads and unloads
 * LIBRARY, which is this file again; a third forks children that do all of it for a while.
 * "calls CALLS MISCALLS RETARGETS UPDATES FORKS LOADS" at the end.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <asmrewrite/relpoline.h>
#include <asmrewrite/static_call.h>

#define TARGETS	12
#define SITES	8

typedef long (*target)(long);

#define FUNCTION(n)	static long function##n(long x) { return x * 16 + n; }
FUNCTION(0) FUNCTION(1) FUNCTION(2) FUNCTION(3) FUNCTION(4) FUNCTION(5)
FUNCTION(6) FUNCTION(7) FUNCTION(8) FUNCTION(9) FUNCTION(10) FUNCTION(11)

static const target volatile table[TARGETS] = {
	function0, function1, function2, function3, function4, function5,
	function6, function7, function8, function9, function10, function11,
};

/* A site of its own for each: a tail call or a call. */
#define TAIL(n)	__attribute__((noinline)) static long site##n(long which, long x) { return table[which](x); }
#define CALL(n)									\
	__attribute__((noinline)) static long site##n(long which, long x)	\
	{									\
		long answer = table[which](x);					\
										\
		__asm__("" : "+r"(answer));					\
		return answer;							\
	}
TAIL(0) TAIL(1) TAIL(2) TAIL(3) CALL(4) CALL(5) CALL(6) CALL(7)

static long (*const volatile sites[SITES])(long, long) = { site0, site1, site2, site3, site4, site5, site6, site7 };

static long even(long x) { return 2 * x; }
DECLARE_STATIC_CALL(stress_choice, even);
#ifndef LIBRARY
DEFINE_STATIC_CALL(stress_choice, even);
#endif

/* One round of calls; how many went to another function than they should. */
long rounds(unsigned long seed, long count)
{
	long wrong = 0;

	for (long i = 0; i < count; i++) {
		seed = seed * 6364136223846793005UL + 1442695040888963407UL;
		/* Mostly few targets, which change now and then, so that sites learn and relearn. */
		long which = (seed >> 60) ? (long)((seed >> 20 & 3) + (i >> 16)) % TARGETS : (long)(seed >> 33) % TARGETS;
		long answer = sites[i % SITES](which, i), choice = static_call(stress_choice)(i);

		wrong += answer != i * 16 + which;
		wrong += choice != 2 * i && choice != 2 * i + 1;
	}
	return wrong;
}

#ifndef LIBRARY
static long odd(long x) { return 2 * x + 1; }

static atomic_bool stop;
static atomic_ulong calls, miscalls, retargets, updates, forks, loads;
static const char *library;

static void *caller(void *seed)
{
	for (unsigned long i = 0; !atomic_load(&stop); i++) {
		atomic_fetch_add(&miscalls, (unsigned long)rounds((unsigned long)seed + i, 1000000));
		atomic_fetch_add(&calls, 2000000);
	}
	return NULL;
}

static void *changer(void *nothing)
{
	static struct asmrewrite_relpoline found[64];
	size_t count = ASMREWRITE_HAS_RUNTIME ? asmrewrite_relpoline_sites(found, 64) : 0;
	unsigned long seed = 1;

	(void)nothing;
	if (!count)
		return NULL;
	while (!atomic_load(&stop)) {
		for (int i = 0; i < 4096; i++) {
			seed = seed * 6364136223846793005UL + 1442695040888963407UL;
			const void *pinned[2] = { (const void *)table[(seed >> 40) % 3], (const void *)table[3 + (seed >> 45) % 3] };

			if (asmrewrite_relpoline_pin(found[(seed >> 50) % count].site, pinned, 2) == 0)
				atomic_fetch_add(&retargets, 1);
		}
		static_call_update(stress_choice, odd);
		static_call_update(stress_choice, even);
		atomic_fetch_add(&updates, 2);
		for (size_t i = 0; i < count; i++)
			asmrewrite_relpoline_exclude(found[i].site);
		for (size_t i = 0; i < count; i++)
			asmrewrite_relpoline_release(found[i].site);
		usleep(1000);
		asmrewrite_relpoline_stop();
		asmrewrite_relpoline_start();
		asmrewrite_relpoline_retrain();
		usleep(1000);
	}
	return NULL;
}

static void *loader(void *nothing)
{
	(void)nothing;
	while (!atomic_load(&stop)) {
		void *module = dlopen(library, RTLD_NOW | RTLD_LOCAL);
		long (*theirs)(unsigned long, long) = module ? (long (*)(unsigned long, long))dlsym(module, "rounds") : NULL;

		if (!theirs) {
			fprintf(stderr, "calls: %s\n", dlerror());
			exit(2);
		}
		atomic_fetch_add(&miscalls, (unsigned long)theirs(7, 100000));
		dlclose(module);
		atomic_fetch_add(&loads, 1);
	}
	return NULL;
}

static void *forker(void *nothing)
{
	(void)nothing;
	while (!atomic_load(&stop)) {
		pid_t child = fork();
		int status = 0;

		if (child == 0)
			_exit(rounds(11, 200000) != 0);
		if (child > 0 && waitpid(child, &status, 0) == child) {
			atomic_fetch_add(&forks, 1);
			if (status)
				atomic_fetch_add(&miscalls, 1);
		}
		usleep(20000);
	}
	return NULL;
}

int main(int count, char **words)
{
	if (count != 4)
		return 2;
	int threads = atoi(words[2]);
	pthread_t others[3];
	pthread_t *callers = calloc((size_t)threads, sizeof *callers);

	library = words[3];
	for (long i = 0; i < threads; i++)
		pthread_create(&callers[i], NULL, caller, (void *)(i * 977));
	pthread_create(&others[0], NULL, changer, NULL);
	pthread_create(&others[1], NULL, loader, NULL);
	pthread_create(&others[2], NULL, forker, NULL);
	sleep((unsigned int)atoi(words[1]));
	atomic_store(&stop, true);
	for (int i = 0; i < threads; i++)
		pthread_join(callers[i], NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(others[i], NULL);
	printf("calls %lu %lu %lu %lu %lu %lu\n", calls, miscalls, retargets, updates, forks, loads);
	return miscalls != 0;
}
#endif
