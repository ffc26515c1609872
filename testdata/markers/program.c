/* program.c - what can be done with markers, one word an order: prints what probes saw. C and C++. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef LIBRARY
#include <dlfcn.h>
#endif

#include <asmrewrite/marker.h>

static volatile int seen;
static jmp_buf out;
static volatile int sleeping, stop;
DEFINE_STATIC_KEY_FALSE(program_key);

static void say(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments)
{
	printf("%s %s: ", (const char *)data, marker->name);
	vprintf(format, *arguments);
	printf("\n");
}

static void count(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments)
{
	(void)marker, (void)data, (void)format, (void)arguments;
	seen = seen + 1;
}

static void jump(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments)
{
	(void)marker, (void)data, (void)format, (void)arguments;
	longjmp(out, 1);
}

static void leave(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments)
{
	(void)marker, (void)format, (void)arguments;
	marker_disconnect("work", leave, data);
	seen = seen + 1;
}

static void doze(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments)
{
	const struct timespec time = { 0, 20000000 };

	(void)marker, (void)data, (void)format;
	__atomic_fetch_add(&sleeping, 1, __ATOMIC_SEQ_CST);
	nanosleep(&time, NULL);
	__atomic_fetch_add(&sleeping, -1, __ATOMIC_SEQ_CST);
	if (va_arg(*arguments, int) != 42)
		_exit(9);
}

__attribute__((noinline)) static int work(int x)
{
	MARK(work, "%d", x);
	MARK_SYM(in_work);
	return x + 1;
}

__attribute__((noinline)) static int other(int x)
{
	MARK(other_one, "%d %s %.1f", x, "text", x / 2.0);
	MARK(other_two, "nothing");
	return x - 1;
}

static void show(const struct asmrewrite_marker *marker, void *data)
{
	(void)data;
	printf("marker %s \"%s\" %s %d\n", marker->name, marker->format, strrchr(marker->file, '/') + 1, marker->at != NULL);
}

static void flip(int number)
{
	static int on;

	(void)number;
	on = !on;
	if (on)
		static_branch_enable(&program_key);
	else
		static_branch_disable(&program_key);
}

static void *worker(void *nothing)
{
	(void)nothing;
	while (!stop)
		work(42);
	return NULL;
}

static void asleep(void)
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, worker, NULL);
	for (int i = 0; i < 5; i++) {
		marker_connect("work", doze, NULL);
		while (!__atomic_load_n(&sleeping, __ATOMIC_SEQ_CST))
			usleep(1000);
		marker_disconnect("work", doze, NULL);
		const int before = seen;

		marker_connect("work", count, NULL);
		while (seen == before)
			usleep(1000);
		marker_disconnect("work", count, NULL);
	}
	stop = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	printf("slept %d\n", seen > 0);
	seen = 0;
}

static void forked(void)
{
	int ready[2], done[2];
	char byte = 0;

	if (pipe(ready) || pipe(done))
		_exit(2);
	fflush(stdout);
	if (fork() == 0) {
		marker_connect("other*", count, NULL);
		other(1);
		if (read(ready[0], &byte, 1) != 1)
			_exit(2);
		work(1);	/* which the parent has connected to since */
		printf("child %d\n", seen);
		fflush(stdout);
		if (write(done[1], &byte, 1) != 1)
			_exit(2);
		_exit(0);
	}
	marker_connect("work", count, NULL);
	if (write(ready[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 1)
		_exit(2);
	wait(NULL);
	work(1);
	other(1);
	printf("parent %d\n", seen);
	marker_disconnect("work", count, NULL);
	seen = 0;
}

#ifdef LIBRARY
static void loaded(void)
{
	for (int i = 0; i < 3; i++) {
		void *module = dlopen(LIBRARY, RTLD_NOW);
		int (*in_library)(int) = module ? (int (*)(int))dlsym(module, "in_library") : NULL;

		if (!in_library)
			_exit(4);
		in_library(1);
		printf("library %zu\n", marker_connect("library*", say, (void *)"probe"));
		in_library(2);
		if (i == 1)
			marker_disconnect("library*", say, (void *)"probe");
		in_library(3);
		dlclose(module);
	}
}
#endif

int main(int number, char **orders)
{
	static char first[] = "first", second[] = "second";

	setvbuf(stdout, NULL, _IOLBF, 0);
	for (int i = 1; i < number; i++) {
		const char *order = orders[i];

		if (!strcmp(order, "name")) {
			printf("%zu\n", marker_connect("work", say, first));
			work(1), other(2);
			printf("%zu\n", marker_disconnect("work", say, first));
			work(3);
		} else if (!strcmp(order, "glob")) {
			printf("%zu\n", marker_connect("other_*", say, first));
			work(1), other(2);
			printf("%zu\n", marker_disconnect("*", say, first));
			other(3);
		} else if (!strcmp(order, "line")) {
			printf("%zu\n", marker_connect("program.c:" LINE, say, first));
			printf("%zu\n", marker_connect("prog*.c:1", say, first));
			work(1), other(2);
			printf("%zu\n", marker_disconnect("*:*", say, first));
			work(1), other(2);
			printf("%zu\n", marker_disconnect("program.c:" LINE, say, first));
		} else if (!strcmp(order, "several")) {
			marker_connect("work", say, second);
			marker_connect("*", say, first);
			marker_connect("work", say, second);
			work(1);
			marker_disconnect("work", say, second);
			work(2);
			marker_disconnect("*", say, first);
			work(3);
		} else if (!strcmp(order, "each"))
			marker_each(show, NULL);
		else if (!strcmp(order, "leave")) {
			marker_connect("work", leave, NULL);
			work(1), work(2);
			printf("left after %d\n", seen);
			seen = 0;
		} else if (!strcmp(order, "longjmp")) {
			marker_connect("work", jump, NULL);
			if (setjmp(out))
				printf("jumped\n");
			else
				work(1);
			marker_disconnect("work", jump, NULL);
			work(1);
		} else if (!strcmp(order, "signal")) {
			signal(SIGUSR1, flip);
			for (int n = 0; n < 4; n++) {
				printf("%s", static_branch_unlikely(&program_key) ? "on " : "off ");
				raise(SIGUSR1);
			}
			printf("%d\n", static_key_enabled(&program_key));
		} else if (!strcmp(order, "count")) {
			static_branch_inc(&program_key), static_branch_inc(&program_key), static_branch_dec(&program_key);
			printf("%d %s", static_key_count(&program_key), static_branch_unlikely(&program_key) ? "on " : "off ");
			static_branch_dec(&program_key);
			printf("%s\n", static_branch_likely(&program_key) ? "on" : "off");
		} else if (!strcmp(order, "asleep"))
			asleep();
		else if (!strcmp(order, "fork"))
			forked();
#ifdef LIBRARY
		else if (!strcmp(order, "load"))
			loaded();
#endif
		else
			return 2;
	}
	return 0;
}
