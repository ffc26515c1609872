/* events.c - a program that tells the tracer of its events by itself; each word says what happens.
 *
 *	tree DEPTH	a call tree of two calls a function
 *	text		a marker with arguments of all kinds
 *	loop N		N pairs of entry and exit
 *	signals N	the same, while a timer's handler has events too
 *	threads N	four threads at it at once
 *	fork N		a child and its parent at it
 *	exec WORD...	become this program again
 *	kill		SIGKILL
 *	seconds N	be still
 * At the end it prints how many events it had.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ENTRY = 1, EXIT };

void asmrewrite_trace_event(unsigned int kind, const void *function, const void *cell) __attribute__((weak));
const void *asmrewrite_trace_text_plan(const char *name, const char *format, const char *file, unsigned int line)
	__attribute__((weak));
void asmrewrite_trace_text(const void *plan, va_list *args) __attribute__((weak));

static unsigned long counted;

static void event(unsigned int kind, const void *function, const void *cell)
{
	if (asmrewrite_trace_event)
		asmrewrite_trace_event(kind, function, cell);
	__atomic_fetch_add(&counted, 1, __ATOMIC_RELAXED);
}

__attribute__((noinline)) static void tree(int depth)
{
	char cell;

	event(ENTRY, tree, &cell);
	if (depth) {
		tree(depth - 1);
		tree(depth - 1);
	}
	event(EXIT, tree, &cell);
}

static void say(const void *plan, ...)
{
	va_list args;

	va_start(args, plan);
	asmrewrite_trace_text(plan, &args);
	va_end(args);
	counted++;
}

static void text(void)
{
	static const char format[] = "%d %s %.3f %c %llx %.*s|%5u|%-4hhd|%Lg %p %s %g %g %g";
	char cut[4] = { 'a', 'b', 'c', 'd' };

	if (!asmrewrite_trace_text_plan)
		return;
	const void *plan = asmrewrite_trace_text_plan("said", format, "events.c", 7);

	say(plan, -3, "word", 2.5, 'x', 0xfeedfacecafeULL, 4, cut, 17, 300, 1.5L, (void *)0x10, NULL, 1.0, 2.0, 3.0);
}

static void loop(long times)
{
	char cell;

	while (times--) {
		event(ENTRY, loop, &cell);
		event(EXIT, loop, &cell);
	}
}

static void handler(int number)
{
	char cell;

	(void)number;
	event(ENTRY, handler, &cell);
	event(EXIT, handler, &cell);
}

static void signals(long times)
{
	struct itimerval timer = { { 0, 50 }, { 0, 50 } }, none = { 0 };

	signal(SIGALRM, handler);
	setitimer(ITIMER_REAL, &timer, NULL);
	loop(times);
	setitimer(ITIMER_REAL, &none, NULL);
}

static void *thread(void *times)
{
	prctl(PR_SET_NAME, "worker");
	loop((long)times);
	return NULL;
}

static void threads(long times)
{
	pthread_t all[4];

	for (int i = 0; i < 4; i++)
		pthread_create(&all[i], NULL, thread, (void *)times);
	for (int i = 0; i < 4; i++)
		pthread_join(all[i], NULL);
}

static void both(long times)
{
	unsigned long before = counted;
	pid_t child = fork();

	loop(times);
	if (!child)
		_exit(0);
	waitpid(child, NULL, 0);
	counted += counted - before;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		long number = i + 1 < argc ? atol(argv[i + 1]) : 0;

		if (!strcmp(word, "text")) {
			text();
			continue;
		}
		if (!strcmp(word, "kill"))
			raise(SIGKILL);
		if (!strcmp(word, "exec")) {
			printf("%lu\n", counted);
			fflush(stdout);
			argv[i] = argv[0];
			execv("/proc/self/exe", argv + i);
		}
		i++;
		if (!strcmp(word, "tree"))
			tree((int)number);
		else if (!strcmp(word, "loop"))
			loop(number);
		else if (!strcmp(word, "signals"))
			signals(number);
		else if (!strcmp(word, "threads"))
			threads(number);
		else if (!strcmp(word, "fork"))
			both(number);
		else if (!strcmp(word, "seconds"))
			sleep((unsigned int)number);
	}
	printf("%lu\n", counted);
	return 3;
}
