/* trap.c - see trap.h */
#define _GNU_SOURCE
#include "trap.h"

#include <signal.h>
#include <time.h>
#include <ucontext.h>

#include "system.h"

#define INT3		0xcc
#define SA_RESTORER_	0x04000000UL
#define TRAP_MARK	0x7061727477726d73UL	/* "smrwtrap" */

#define SIG_IGN_	((void (*)(int, siginfo_t *, void *))1)

/* The kernel's own structure; libc's sigaction() may not be called here. */
struct kernel_action {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

void asmrewrite_trap_return(void);
/* Calls asmrewrite_trap_handle; the eight bytes before it are TRAP_MARK. */
void asmrewrite_trap_entry(int signal, siginfo_t *information, void *context);
/* handler(signal, information, context), without an unprotected indirect call. Both in entry.S. */
void asmrewrite_trap_chain(int signal, siginfo_t *information, void *context, void *handler);

static uintptr_t replaced;		/* the last instruction that had an int3 */
static struct kernel_action theirs;	/* the program's handler */
static bool once;			/* ours has been the handler */
static __thread bool chained;		/* theirs is running: it may have ours as its own next one */

/* Whether `handler` is that of some module's runtime. */
static bool ours(uintptr_t handler)
{
	return handler % 4096 >= 8 && *(const uint64_t *)(handler - 8) == TRAP_MARK;
}

void asmrewrite_trap_handle(int signal, siginfo_t *information, void *context)
{
	greg_t *next = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	unsigned char *at = (unsigned char *)*next - 1;
	const struct timespec nap = { 0, 20000 };

	/* Asleep, not in a loop: the patching thread may be of lower priority on the same core. */
	while (__atomic_load_n(at, __ATOMIC_ACQUIRE) == INT3 && __atomic_load_n(&replaced, __ATOMIC_ACQUIRE) == (uintptr_t)at)
		sys(SYS_nanosleep, &nap, NULL);
	if (__atomic_load_n(at, __ATOMIC_ACQUIRE) != INT3) {
		*next = (greg_t)at;
	} else if (theirs.handler > SIG_IGN_ && !chained) {
		chained = true;
		asmrewrite_trap_chain(signal, information, context, (void *)theirs.handler);
		chained = false;
	} else if (theirs.handler != SIG_IGN_) {
		const struct kernel_action standard = { 0 };

		/* The default action, as soon as this handler has returned. */
		sys(SYS_rt_sigaction, SIGTRAP, &standard, NULL, sizeof standard.mask);
		const long process = sys(SYS_getpid), thread = sys(SYS_gettid);

		sys(SYS_tgkill, process, thread, SIGTRAP);
	}
}

/* Make ours the handler, and theirs what the program has set since. */
static bool installed(void)
{
	const struct kernel_action wanted = {
		asmrewrite_trap_entry, SA_SIGINFO | SA_RESTORER_ | SA_RESTART | SA_ONSTACK, asmrewrite_trap_return, 0,
	};
	struct kernel_action present;

	if (failed(sys(SYS_rt_sigaction, SIGTRAP, NULL, &present, sizeof present.mask)))
		return false;
	/* Another module's handler in front of ours has ours as its next. */
	if (once && ours((uintptr_t)present.handler))
		return true;
	theirs = present;
	once = !failed(sys(SYS_rt_sigaction, SIGTRAP, &wanted, NULL, sizeof wanted.mask));
	return once;
}

enum code_refusal asmrewrite_trap_replace(void *at, unsigned char *writable, const unsigned char *after, unsigned size)
{
	/* All that can fail comes first: an int3 that is in must also get out. */
	enum code_refusal refusal = installed() ? asmrewrite_code_synchronise() : CODE_NO_BARRIER;

	if (refusal != CODE_OK)
		return refusal;
	__atomic_store_n(&replaced, (uintptr_t)at, __ATOMIC_RELEASE);
	__atomic_store_n(writable, INT3, __ATOMIC_RELEASE);
	asmrewrite_code_synchronise();
	for (unsigned int i = 1; i < size; i++)
		__atomic_store_n(writable + i, after[i], __ATOMIC_RELEASE);
	asmrewrite_code_synchronise();
	__atomic_store_n(writable, after[0], __ATOMIC_RELEASE);
	asmrewrite_code_synchronise();
	return CODE_OK;
}
