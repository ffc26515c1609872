/* traced.cpp - functions and markers for a tracer: exceptions, longjmp, tail calls, threads, a library, and a count.
 *
 *	tree DEPTH | throw | jump | tail | mark N | threads N | fork N | library FILE | timer N
 * At the end: how many calls there were of functions whose names have `counted`, and how many marks.
 */
#include <asmrewrite/marker.h>

#include <atomic>
#include <csetjmp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <stdexcept>
#include <sys/time.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <vector>

#define SEPARATE __attribute__((noinline, noclone, noipa))

static std::atomic<unsigned long> calls, marks;

/* A call before it is no tail call, and no recursion is made a loop. */
static int plus_one(int number)
{
	__asm__ volatile("" : "+r"(number));
	return number + 1;
}

namespace counted {

static jmp_buf there;

SEPARATE int tree(int depth)
{
	calls++;
	return depth ? plus_one(tree(depth - 1)) + plus_one(tree(depth - 1)) : 1;
}

SEPARATE int thrower(int depth)
{
	calls++;
	if (!depth)
		throw std::runtime_error("thrown");
	return plus_one(thrower(depth - 1));
}

SEPARATE int catcher(int depth)
{
	calls++;
	try {
		return thrower(depth);
	} catch (std::exception &) {
		return tree(0);
	}
}

SEPARATE void jumper(int depth)
{
	calls++;
	if (!depth)
		longjmp(there, 1);
	jumper(depth - 1);
	plus_one(0);
}

SEPARATE int landing(int depth)
{
	calls++;
	if (!setjmp(there))
		jumper(depth);
	return tree(0);
}

SEPARATE int last(int number)
{
	calls++;
	return number;
}

SEPARATE int tail(int number)
{
	calls++;
	return last(number + 1);
}

SEPARATE void mark(int number)
{
	calls++;
	marks++;
	MARK(mark_number, "number %d of %s", number, "many");
}

SEPARATE void tick(int)
{
	calls++;
}

}

static void work(long times)
{
	for (long i = 0; i < times; i++)
		counted::tree(0);
}

static void timer(long times)
{
	struct itimerval often = { { 0, 100 }, { 0, 100 } }, never = {};

	signal(SIGALRM, counted::tick);
	setitimer(ITIMER_REAL, &often, nullptr);
	work(times);
	setitimer(ITIMER_REAL, &never, nullptr);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *word = argv[i];
		long number = i + 1 < argc ? atol(argv[i + 1]) : 0;

		if (!strcmp(word, "tree"))
			counted::tree((int)number);
		else if (!strcmp(word, "throw"))
			counted::catcher(2), counted::catcher(1);
		else if (!strcmp(word, "jump"))
			counted::landing(2), counted::landing(0);
		else if (!strcmp(word, "tail"))
			counted::tail(1), counted::tail(2);
		else if (!strcmp(word, "mark"))
			while (number--)
				counted::mark((int)number);
		else if (!strcmp(word, "timer"))
			timer(number);
		else if (!strcmp(word, "threads")) {
			std::vector<std::thread> threads;

			for (int t = 0; t < 4; t++)
				threads.emplace_back(work, number);
			for (auto &thread : threads)
				thread.join();
		} else if (!strcmp(word, "fork")) {
			pid_t child = fork();

			work(number);
			if (!child)
				_exit(0);
			waitpid(child, nullptr, 0);
			calls += (unsigned long)number;
		} else if (!strcmp(word, "library") && i + 1 < argc) {
			void *library = dlopen(argv[++i], RTLD_NOW);
			int (*function)(int) = (int (*)(int))dlsym(library, "counted_in_library");

			calls += (unsigned long)function(3);
			dlclose(library);
		}
	}
	printf("%lu %lu\n", calls.load(), marks.load());
	return 0;
}
