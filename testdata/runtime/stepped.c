/* stepped.c - what a profiler sees that interrupts a program between any two instructions of a call through a site.
 *
 * The processor stops after each instruction (the trap flag), and there the stack is unwound by the frame information
 * alone. Prints how many stops there were in what the rewriting added (stubs, thunks, the runtime), and how many stacks
 * did not lead to the callers.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>
#include <unwind.h>

#define TRAP_FLAG	0x100

extern const char __executable_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

static long one(long x) { return x + 1; }
static long two(long x) { return x + 2; }
static long (*volatile function)(long) = one;
static volatile long added, lost;
static volatile int armed;

__attribute__((noipa)) static long site(long x)
{
	return function(x) * 2;
}

/* Callers in order, the innermost first; how many have been met. */
static uintptr_t callers[2];

static _Unwind_Reason_Code frame(struct _Unwind_Context *context, void *found)
{
	const uintptr_t ip = _Unwind_GetIP(context);
	int *met = found;

	for (int i = *met; i < 2; i++)
		if (ip >= callers[i] && ip < callers[i] + 256 + 2048 * i)
			*met = i + 1;
	return _URC_NO_REASON;
}

static int elsewhere(uintptr_t ip)
{
	const uintptr_t functions[] = { (uintptr_t)one, (uintptr_t)two, (uintptr_t)site };

	for (int i = 0; i < 3; i++)
		if (ip >= functions[i] && ip < functions[i] + 64)
			return 0;
	return 1;
}

static void stopped(int signal, siginfo_t *info, void *context)
{
	ucontext_t *at = context;
	int met = 0;

	(void)signal, (void)info;
	if (!armed) {
		at->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)TRAP_FLAG;
		return;
	}
	added += elsewhere((uintptr_t)at->uc_mcontext.gregs[REG_RIP]);
	_Unwind_Backtrace(frame, &met);
	if (met != 2 && !lost++)
		fprintf(stderr, "lost at %p (text from %p)\n", (void *)at->uc_mcontext.gregs[REG_RIP],
			(const void *)__executable_start);
}

/* A call of the site, stopped after each of its instructions. */
__attribute__((noipa)) static long step(long x)
{
	long sum;

	armed = 1;
	__asm__ volatile("pushfq; orl %0, (%%rsp); popfq" : : "i"(TRAP_FLAG) : "memory", "cc");
	sum = site(x);
	armed = 0;	/* the next stop is the last */
	return sum;
}

int main(void)
{
	struct sigaction action = { .sa_sigaction = stopped, .sa_flags = SA_SIGINFO };
	long sum = 0;

	callers[0] = (uintptr_t)step;
	callers[1] = (uintptr_t)main;
	sigaction(SIGTRAP, &action, NULL);
	for (long round = 0; round < 4; round++) {	/* learning; then hits and misses */
		function = round < 2 ? one : two;
		for (long i = 0; i < (round ? 3000 : 100); i++)
			sum += site(i);
		for (int i = 0; i < 3; i++) {
			sum += step(i);
			function = function == one ? two : one;
		}
	}
	printf("sum %ld, %s, %ld lost\n", sum, added > 100 ? "many stops" : "few stops", lost);
	return 0;
}
