/* surroundings.c - what a program may do around its sites: fork, exec, signals, threads that come and go, longjmp. */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static long one(long x) { return x + 1; }
static long two(long x) { return x + 2; }
static long (*volatile function)(long) = one;
static jmp_buf back;
static volatile sig_atomic_t interrupted;

__attribute__((noinline)) static long work(long count)
{
	long sum = 0;

	for (long i = 0; i < count; i++) {
		function = i % 3 ? one : two;
		sum += function(i);
	}
	return sum;
}

static void handler(int signal)
{
	(void)signal;
	interrupted += work(100) == 5083;
}

static long jump(long x) { longjmp(back, (int)x); }

static void *thread(void *unused)
{
	return (void *)(work(3000) + (long)unused);
}

/* Writable and executable pages there must never be. */
static int forbidden_pages(void)
{
	char line[512];
	int found = 0;
	FILE *maps = fopen("/proc/self/maps", "r");

	while (maps && fgets(line, sizeof line, maps))
		found += strstr(line, "wx") != NULL;
	return found;
}

int main(void)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	long total = work(10000), threads = 0;
	pid_t child;
	int status;

	printf("work %ld\n", total);
	sigaction(SIGUSR1, &action, NULL);
	for (int i = 0; i < 200; i++) {
		kill(getpid(), SIGUSR1);
		work(50);
	}
	printf("interrupted %d\n", (int)interrupted);
	for (int round = 0; round < 30; round++) {
		pthread_t many[4];
		void *result;

		for (int i = 0; i < 4; i++)
			pthread_create(&many[i], NULL, thread, NULL);
		for (int i = 0; i < 4; i++) {
			pthread_join(many[i], &result);
			threads += (long)result;
		}
	}
	printf("threads %s\n", threads > 0 ? "done" : "lost");
	for (int i = 0; i < 5; i++) {
		fflush(stdout);
		child = fork();
		if (child == 0) {
			/* A grandchild too, and a child that learns on its own. */
			if (i == 2 && fork() == 0)
				_exit(work(100000) > 0 ? 0 : 1);
			_exit(work(100000) > 0 ? 0 : 1);
		}
		waitpid(child, &status, 0);
		printf("child %d\n", status);
	}
	child = vfork();
	if (child == 0) {
		execlp("true", "true", (char *)NULL);
		_exit(1);
	}
	waitpid(child, &status, 0);
	printf("vfork %d\n", status);
	function = jump;
	for (int i = 1; i < 2000; i++)
		if (setjmp(back) == 0)
			function(7);
	printf("longjmp %d\n", setjmp(back));
	printf("pages that are writable and executable: %d\n", forbidden_pages());
	return 0;
}
