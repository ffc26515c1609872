// Exceptions, forced unwinding, backtraces and destructors through functions whose returns are hooked.
#include <asmrewrite/ops.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <execinfo.h>
#include <pthread.h>
#include <stdexcept>
#include <string>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

static unsigned long entered, left;

__attribute__((target("general-regs-only"))) static void enter(uintptr_t, uintptr_t, asmrewrite_ops *, asmrewrite_regs *)
{
	__atomic_fetch_add(&entered, 1, __ATOMIC_RELAXED);
}

__attribute__((target("general-regs-only"))) static void leave(uintptr_t, uintptr_t, asmrewrite_ops *, asmrewrite_regs *)
{
	__atomic_fetch_add(&left, 1, __ATOMIC_RELAXED);
}

static asmrewrite_ops both = { enter, leave, 0, nullptr };
static int destroyed;

struct Guard {
	NOINLINE ~Guard() { destroyed++; }
};

NOINLINE static int thrower(int n)
{
	if (n == 0)
		throw std::runtime_error("deep");
	return n;
}

NOINLINE static int nested(int depth)
{
	Guard guard;

	return depth ? nested(depth - 1) + 1 : thrower(0);
}

NOINLINE static int rethrown(int depth)
{
	try {
		return nested(depth);
	} catch (const std::logic_error &) {
		return -1;
	} catch (...) {
		Guard guard;

		throw;
	}
}

NOINLINE static int caught(int depth)
{
	try {
		return rethrown(depth);
	} catch (const std::runtime_error &error) {
		return (int)strlen(error.what());
	}
}

NOINLINE static double vectors(double a, double b)
{
	try {
		return a * b + thrower(a > b ? 1 : 0);
	} catch (const std::exception &) {
		return a - b;
	}
}

NOINLINE static long double old_floats(long double a) { return a * 1.5L; }

NOINLINE static std::string made(int n) { return std::string((size_t)n, 'x'); }

extern "C" NOINLINE int traced_back(int depth)
{
	if (depth)
		return traced_back(depth - 1) + 1;
	void *frames[32];
	const int count = backtrace(frames, 32);
	char **names = backtrace_symbols(frames, count);

	for (int i = 0; i < count; i++)
		if (const char *name = strchr(names[i], '('))
			std::printf("%.*s\n", (int)strcspn(name + 1, "+)"), name + 1);
	std::free(names);
	return 0;
}

NOINLINE static void *ended(void *)
{
	Guard guard;

	pthread_exit(nullptr);
}

NOINLINE static void *canceled(void *)
{
	Guard guard;

	for (;;)
		pthread_testcancel();
}

static bool mine(const asmrewrite_ops_function *function, void *)
{
	return function->function != (void *)enter && function->function != (void *)leave;
}

NOINLINE static void *worker(void *)
{
	long sum = 0;

	for (int i = 0; i < 300; i++)
		sum += caught(i % 5) + (long)vectors(1, 2);
	return (void *)sum;
}

// Debuggers stop in getppid().
extern "C" NOINLINE int stop_here(int n)
{
	return n + (getppid() == 0);
}
extern "C" NOINLINE int stop_inner(int n) { return stop_here(n) + 1; }
extern "C" NOINLINE int stop_outer(int n) { return stop_inner(n) + 1; }

int main(int count, char **)
{
	pthread_t threads[4];

	if (asmrewrite_ops_filter(mine, nullptr, &both) <= 0)
		return 1;
	std::printf("%d %d\n", caught(0), caught(3));
	std::printf("destroyed %d\n", destroyed);
	std::printf("%g %g %Lg %s\n", vectors(1, 2), vectors(3, 2), old_floats(2), made(5).c_str());
	if (count > 1)
		return 0;
	std::printf("%d\n", traced_back(2));
	stop_outer(1);
	destroyed = 0;
	pthread_create(&threads[0], nullptr, ended, nullptr);
	pthread_join(threads[0], nullptr);
	pthread_create(&threads[0], nullptr, canceled, nullptr);
	pthread_cancel(threads[0]);
	pthread_join(threads[0], nullptr);
	std::printf("destroyed %d\n", destroyed);
	for (pthread_t &thread : threads)
		pthread_create(&thread, nullptr, worker, nullptr);
	for (pthread_t &thread : threads) {
		void *result;

		pthread_join(thread, &result);
		std::printf("%ld\n", (long)result);
	}
	asmrewrite_ops_counts counts;

	asmrewrite_ops_read_counts(&counts);
	std::printf("%s %lu\n", entered > left && left ? "some left by exceptions" : "wrong", (unsigned long)counts.lost_exits);
	return 0;
}
