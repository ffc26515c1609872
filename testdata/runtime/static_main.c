/* static_main.c - static calls of every kind, changed while threads call them, seen from a library and by a child. */
#include <pthread.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "static_shared.h"

int add(int a, int b) { return a + b; }
int subtract(int a, int b) { return a - b; }
static int multiply(int a, int b) { return a * b; }
static int seen;
void note(int x) { seen += x; }

DEFINE_STATIC_CALL(combine, add);
DEFINE_STATIC_CALL_NULL(hook, note);
DEFINE_STATIC_CALL_RET0(filter, add);

__attribute__((noinline)) static int tail(int a, int b)
{
	return static_call(combine)(a, b);
}

static void show(const char *when)
{
	static_call(hook)(5);
	printf("%s: %d %d %d, seen %d, filter %d, %s\n", when, static_call(combine)(5, 2), tail(5, 2), library_call(5, 2),
	       seen, static_call(filter)(9, 9), static_call_query(hook) ? "hooked" : "not hooked");
	fflush(stdout);
}

static volatile int stop;

static void *caller(void *wrong)
{
	while (!stop) {
		int result = static_call(combine)(7, 3);

		*(long *)wrong += result != 10 && result != 4 && result != 21;
	}
	return NULL;
}

int main(void)
{
	int (*const functions[])(int, int) = { add, subtract, multiply }, expected[] = { 10, 4, 21 };
	struct asmrewrite_static_call_change changes[] = {
		{ &__SCK__combine, (void *)multiply, ASMREWRITE_CALL_FUNCTION },
		{ &__SCK__hook, NULL, ASMREWRITE_CALL_NULL },
	};
	long wrong[3] = { 0 }, late = 0;
	pthread_t threads[3];
	int ready[2];

	show("at first");
	static_call_update(combine, subtract);
	static_call_update(hook, note);
	static_call_update(filter, multiply);
	show("updated");
	if (pipe(ready))
		return 2;
	if (fork() == 0) {
		char byte;

		if (read(ready[0], &byte, 1) != 1)
			_exit(2);
		show("a child, after its parent's update");
		static_call_update(combine, multiply);
		show("its own");
		_exit(0);
	}
	static_call_update(combine, add);
	if (write(ready[1], "x", 1) != 1)
		return 2;
	wait(NULL);
	show("the parent");
	static_call_update_null(hook);
	static_call_update_ret0(filter);
	show("nothing");
	static_call_update_batch(changes, 2);
	show("a batch");
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, caller, &wrong[i]);
	for (int i = 0; i < 3000; i++) {
		static_call_update(combine, functions[i % 3]);
		late += static_call(combine)(7, 3) != expected[i % 3];
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	printf("%ld wrong, %ld late\n", wrong[0] + wrong[1] + wrong[2], late);
	return 0;
}
