/* ring.c - see ring.h: what is done rarely. */
#include "ring.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "log.h"
#include "system.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE	23	/* Linux 5.14 */
#endif

/* Differs from every process, so the first event takes the way that finds a slot. */
__thread struct thread asmrewrite_trace_thread = { NULL, -1 };
union guard asmrewrite_trace_guard __attribute__((aligned(PAGE)));
struct region *asmrewrite_trace_region;

/* Always full. */
static struct slot nowhere;

/* The number in "pid:[4026531836]". */
static uint64_t pid_namespace(void)
{
	char text[64];
	long size = sys(SYS_readlink, "/proc/self/ns/pid", text, sizeof text);
	uint64_t number = 0;

	for (long i = 0; i < (failed(size) ? 0 : size); i++)
		if (text[i] >= '0' && text[i] <= '9')
			number = number * 10 + (uint64_t)(text[i] - '0');
	return number;
}

static struct slot *take(struct region *region)
{
	for (unsigned int number = 0; number < SLOTS_MAX; number++) {
		uint32_t is = STATE_FREE;
		struct slot *slot = slot_at(region, number);

		if (__atomic_load_n(&region->state[number], __ATOMIC_RELAXED) != STATE_FREE)
			continue;
		/* All pages now: an event must not meet a page fault, nor SIGBUS when memory is spent. */
		if (failed(sys(SYS_madvise, slot, region->stride, MADV_POPULATE_WRITE)))
			return NULL;
		if (!__atomic_compare_exchange_n(&region->state[number], &is, STATE_TAKING, false, __ATOMIC_ACQ_REL,
						 __ATOMIC_RELAXED))
			continue;
		slot->mask = region->units - 1;
		slot->half = region->newest ? 0 : region->units / 2;
		slot->newest = region->newest;
		slot->pid = (int)sys(SYS_getpid);
		slot->tid = (int)sys(SYS_gettid);
		slot->space = pid_namespace();
		slot->start = now();
		sys(SYS_prctl, PR_GET_NAME, slot->name);
		slot->limit = region->units;
		__atomic_store_n(&region->state[number], STATE_TAKEN, __ATOMIC_RELEASE);
		for (uint32_t used = region->used; used <= number;)
			if (__atomic_compare_exchange_n(&region->used, &used, number + 1, false, __ATOMIC_ACQ_REL,
							__ATOMIC_RELAXED))
				break;
		return slot;
	}
	return NULL;
}

static void find_slot(struct thread *thread)
{
	uint64_t all = ~0UL, mask;

	/* No handler may come between, and take a slot too. */
	sys(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &all, &mask, sizeof mask);
	int none = 0, pid = (int)sys(SYS_getpid);

	if (__atomic_compare_exchange_n(&asmrewrite_trace_guard.pid, &none, pid, false, __ATOMIC_RELAXED,
					__ATOMIC_RELAXED))
		asmrewrite_trace_log(RECORD_FORK, (uint64_t)sys(SYS_getppid), 0, "", 0);
	if (thread->pid != asmrewrite_trace_guard.pid) {
		struct slot *slot = take(asmrewrite_trace_region);

		thread->slot = slot ? slot : &nowhere;
		thread->pid = asmrewrite_trace_guard.pid;
	}
	sys(SYS_rt_sigprocmask, 2 /* SIG_SETMASK */, &mask, NULL, sizeof mask);
}

struct slot *asmrewrite_trace_slot(void)
{
	struct thread *thread = &asmrewrite_trace_thread;

	if (thread->pid != asmrewrite_trace_guard.pid)
		find_slot(thread);
	return thread->slot;
}

/* Take the oldest event out. Its first header becomes 0 first: who interrupts finds an unfinished event, and keeps off. */
static bool forget_oldest(struct slot *slot)
{
	const uint64_t tail = slot->tail, header = *unit_at(slot, tail);

	if (!header)
		return false;
	for (unsigned int unit = 0; unit < HEADER_UNITS(header); unit++)
		__atomic_store_n(unit_at(slot, tail + unit), 0, __ATOMIC_RELAXED);
	__atomic_store_n(&slot->tail, tail + HEADER_UNITS(header), __ATOMIC_RELAXED);
	__asm__ volatile("incq %0" : "+m"(slot->dropped));
	return true;
}

/* There is no room for `units` at `head`: make some (true), or drop the event and count it. */
static bool make_room(struct slot *slot, uint64_t head, unsigned int units)
{
	if (slot == &nowhere) {
		__atomic_fetch_add(&asmrewrite_trace_region->lost, 1, __ATOMIC_RELAXED);
		return false;
	}
	if (!slot->limit)	/* the trace is over */
		return false;
	if (slot->newest) {
		while (slot->head == head && !room(slot, head, units))
			if (!forget_oldest(slot))
				break;
		if (slot->head != head || room(slot, head, units))
			return true;
	}
	__asm__ volatile("incq %0" : "+m"(slot->dropped));
	return false;
}

bool asmrewrite_trace_reserve(struct slot *slot, unsigned int units, uint64_t *position, uint64_t *time)
{
	uint64_t head = __atomic_load_n(&slot->head, __ATOMIC_RELAXED);

	do {
		while (!room(slot, head, units)) {
			if (!make_room(slot, head, units))
				return false;
			head = __atomic_load_n(&slot->head, __ATOMIC_RELAXED);
		}
		*position = head;
		*time = now();
	} while (!advance(slot, &head, units));
	if (passed_half(slot, head, units))
		asmrewrite_trace_wake();
	return true;
}

void asmrewrite_trace_record(unsigned int kind, uint64_t address, uint64_t cell, uint64_t last)
{
	struct slot *slot = asmrewrite_trace_slot();
	uint64_t position, time;

	if (asmrewrite_trace_reserve(slot, 1, &position, &time))
		put(slot, position, HEADER(time, 1, kind), address, cell, last);
}

void asmrewrite_trace_wake(void)
{
	uint32_t *sleeping = &asmrewrite_trace_region->sleeping;

	if (__atomic_exchange_n(sleeping, 0, __ATOMIC_ACQ_REL))
		sys(SYS_futex, sleeping, FUTEX_WAKE, 1);
}
