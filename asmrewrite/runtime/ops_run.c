/* ops_run.c - what happens between a site and the function behind it: func is called, and the exit hooked. */
#include "ops.h"

#include <cpuid.h>

uintptr_t asmrewrite_ops_delta;
uint64_t asmrewrite_ops_vector_size;

/* The frame of the func or exit that this thread is in, NULL for none. */
static __thread const struct asmrewrite_regs *within __attribute__((tls_model("initial-exec")));
static uint64_t recursions, lost_exits;

void asmrewrite_ops_measure(void)
{
	unsigned int a, b, c, d, end = 576;

	__cpuid_count(1, 0, a, b, c, d);
	if (asmrewrite_ops_vector_size || !(c & bit_OSXSAVE))
		return;
	for (unsigned int component = 2; component < 8; component++) {
		__cpuid_count(13, component, a, b, c, d);
		if (VECTOR_STATE >> component & 1 && a && a + b > end)
			end = a + b;
	}
	asmrewrite_ops_vector_size = (end + 63) & -64u;
}

/*
 * Functions that an ops calls are not traced. They have frames below; a frame above means that the ops was left without
 * returning, or that a signal handler runs on another stack.
 */
static bool enter(const struct asmrewrite_regs *regs, const struct asmrewrite_regs **before)
{
	*before = within;
	if (*before && regs < *before) {
		__atomic_fetch_add(&recursions, 1, __ATOMIC_RELAXED);
		return false;
	}
	within = regs;
	__asm__ volatile("" : : : "memory");
	return true;
}

static void leave(const struct asmrewrite_regs *before)
{
	__asm__ volatile("" : : : "memory");
	within = before;
}

static void call(struct asmrewrite_ops *ops, bool exit, uintptr_t ip, uintptr_t parent, struct asmrewrite_regs *regs)
{
	void *function = exit ? (void *)ops->exit : (void *)ops->func;

	if (!function)
		return;
	if (ops->flags & ASMREWRITE_OPS_VECTORS)
		asmrewrite_ops_call_vectors(ip, parent, ops, regs, function);
	else
		asmrewrite_ops_call(ip, parent, ops, regs, function);
}

void asmrewrite_ops_run(uintptr_t ip, struct asmrewrite_regs *regs, struct asmrewrite_ops *ops)
{
	const struct asmrewrite_regs *before;
	uint64_t *cell = regs->stack;
	bool exits = false;

	if (!ops || !enter(regs, &before))	/* cleared since the site was reached */
		return;
	const uintptr_t parent = asmrewrite_exit_parent(cell);

	if (ops->flags & OPS_LIST) {
		struct ops_list *list = (struct ops_list *)ops;

		for (size_t i = 0; i < list->count; i++) {
			call(list->members[i], false, ip, parent, regs);
			exits |= list->members[i]->exit != NULL;
		}
	} else {
		call(ops, false, ip, parent, regs);
		exits = ops->exit != NULL;
	}
	if (exits && (asmrewrite_shadow_stack() || !asmrewrite_exit_hook(cell, ip, ops)))
		__atomic_fetch_add(&lost_exits, 1, __ATOMIC_RELAXED);
	leave(before);
}

void asmrewrite_ops_leave(struct asmrewrite_regs *regs)
{
	uint64_t *cell = &regs->rip;
	const struct asmrewrite_regs *before;
	struct exit_entry entry;
	bool last = false;
	const bool entered = enter(regs, &before);

	while (!last) {
		if (!asmrewrite_exit_take(cell, &entry, &last))
			__builtin_trap();	/* nobody knows where to return to */
		if (!entered)
			continue;
		if (entry.ops->flags & OPS_LIST) {
			struct ops_list *list = (struct ops_list *)entry.ops;

			for (size_t i = list->count; i-- > 0;)
				call(list->members[i], true, entry.ip, entry.parent, regs);
		} else {
			call(entry.ops, true, entry.ip, entry.parent, regs);
		}
	}
	if (entered)
		leave(before);
}

void asmrewrite_ops_read_counts(struct asmrewrite_ops_counts *counts)
{
	counts->recursions = __atomic_load_n(&recursions, __ATOMIC_RELAXED);
	counts->lost_exits = __atomic_load_n(&lost_exits, __ATOMIC_RELAXED);
}
