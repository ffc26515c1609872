/*
 * The static calls of logq: for each a trampoline, which is a single jump in a
 * section of its own, and a key, which names the function it jumps to.
 */
#include "logq.h"

#define TRAMPOLINE(name, code)                                                         \
	__asm__(".pushsection .static_call.text, \"ax\"\n"                             \
		".p2align 2\n"                                                         \
		".globl __SCT__" #name "\n"                                            \
		".hidden __SCT__" #name "\n"                                           \
		".type __SCT__" #name ", @function\n"                                  \
		"__SCT__" #name ":\n"                                                  \
		"	" code "\n"                                                    \
		".size __SCT__" #name ", . - __SCT__" #name "\n"                       \
		".popsection")

#define DEFINE_STATIC_CALL(name, target)                                               \
	struct static_call_key __SCK__##name = { (void *)(target), #target };          \
	TRAMPOLINE(name, "jmp " #target)

/* Named in assembly, which the compiler does not read. */
#define TARGET __attribute__((used, visibility("hidden")))

long event_counts[EVENT_COUNT];

TARGET void count_events(enum event event, long n) { event_counts[event] += n; }

TARGET uint64_t mix_multiply(uint64_t sum, uint64_t v)
{
	sum = (sum ^ v) * 0x9e3779b97f4a7c15u;
	return sum ^ sum >> 32;
}

DEFINE_STATIC_CALL(trace, count_events);
DEFINE_STATIC_CALL(mix, mix_multiply);

/* Switched off: a trampoline without a target returns. */
struct static_call_key __SCK__debug = { 0, "nothing" };
TRAMPOLINE(debug, "ret");
