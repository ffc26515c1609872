/* events.c - see events.h */
#include "events.h"

#include "plans.h"
#include "ring.h"

/* `ip` is the site: right at the function's beginning, which is enough to name it. */
static void entered(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs)
{
	(void)ops;
	/* Where a function was entered by a tail call, the return address is no more what its caller put there. */
	record(regs->stack[0] == parent ? KIND_ENTRY : KIND_TAIL, ip, (uint64_t)regs->stack, 0);
}

static void entered_alone(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs)
{
	(void)parent, (void)ops;
	record(KIND_ALONE, ip, (uint64_t)regs->stack, 0);
}

static void left(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs)
{
	(void)parent, (void)ops;
	record(KIND_EXIT, ip, (uint64_t)&regs->rip, 0);
}

struct asmrewrite_ops *asmrewrite_trace_ops(void)
{
	static struct asmrewrite_ops entries = { .func = entered_alone }, both = { .func = entered, .exit = left };

	return asmrewrite_trace_region->exits ? &both : &entries;
}

static void marker(const struct plan *plan, va_list *args)
{
	uint64_t words[WORDS_MAX], position, time;
	const uint64_t cell = (uint64_t)__builtin_frame_address(0);
	const unsigned int count = asmrewrite_trace_words(plan, args, words);

	if (count <= 1) {
		record(KIND_MARKER, plan->marker, cell, count ? words[0] : 0);
		return;
	}
	struct slot *slot = asmrewrite_trace_slot();
	const unsigned int units = 1 + (count - 1 + 2) / 3;

	if (!asmrewrite_trace_reserve(slot, units, &position, &time))
		return;
	for (unsigned int unit = 1, word = 1; unit < units; unit++) {
		uint64_t *more = unit_at(slot, position + unit);

		more[0] = HEADER_MORE;
		for (unsigned int i = 1; i < UNIT_WORDS && word < count; i++)
			more[i] = words[word++];
	}
	put(slot, position, HEADER(time, units, KIND_MARKER), plan->marker, cell, words[0]);
}

void asmrewrite_trace_event(unsigned int kind, const void *function, const void *cell)
{
	if (asmrewrite_trace_region && kind >= KIND_ENTRY && kind <= KIND_ALONE)
		record(kind, (uint64_t)function, (uint64_t)cell, 0);
}

void asmrewrite_trace_probe(const struct asmrewrite_marker *at, void *plan, const char *format, va_list *args)
{
	(void)at, (void)format;
	marker(plan, args);
}

const void *asmrewrite_trace_text_plan(const char *name, const char *format, const char *file, unsigned int line)
{
	return asmrewrite_trace_region ? asmrewrite_trace_new_plan(NULL, name, format, file, line) : NULL;
}

void asmrewrite_trace_text(const void *plan, va_list *args)
{
	if (plan)
		marker(plan, args);
}
