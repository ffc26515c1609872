/* ring.h - recording an event: no lock, no libc, no vector register, and a system call only for a thread's first.
 *
 * A signal handler may record while the thread that it interrupts is recording. `head` is moved by one instruction
 * that compares (without the lock prefix: no other processor writes it), and the time is read before: so who comes
 * between starts the outer one again, and times in a ring never go back.
 */
#ifndef TRACE_RING_H
#define TRACE_RING_H

#include <stdbool.h>
#include <stddef.h>

#include "region.h"

struct thread {
	struct slot *slot;
	int pid;		/* of the process that took the slot */
};

extern __thread struct thread asmrewrite_trace_thread __attribute__((tls_model("initial-exec")));

/* The kernel clears this page in a child of fork (MADV_WIPEONFORK): so its thread takes a slot of its own. */
extern union guard {
	int pid;
	char page[PAGE];
} asmrewrite_trace_guard;

extern struct region *asmrewrite_trace_region;

void asmrewrite_trace_wake(void);

/* This thread's slot; one that is always full when there is none. */
struct slot *asmrewrite_trace_slot(void);

/* Move `head` on from where it is thought to be; false, with what it is, when a signal handler was quicker. */
static inline bool advance(struct slot *slot, uint64_t *head, unsigned int units)
{
	bool done;

	__asm__ volatile("cmpxchgq %3, %1"
			 : "=@ccz"(done), "+m"(slot->head), "+a"(*head)
			 : "r"(*head + units)
			 : "memory");
	return done;
}

static inline bool room(struct slot *slot, uint64_t head, unsigned int units)
{
	return head + units - __atomic_load_n(&slot->tail, __ATOMIC_ACQUIRE) <=
	       __atomic_load_n(&slot->limit, __ATOMIC_RELAXED);
}

/* Whether the reader is to be woken. */
static inline bool passed_half(struct slot *slot, uint64_t head, unsigned int units)
{
	return (head ^ (head + units)) & slot->half;
}

/* Room for an event of `units` at `*position`, and its time; false when it was dropped. */
bool asmrewrite_trace_reserve(struct slot *slot, unsigned int units, uint64_t *position, uint64_t *time);

void asmrewrite_trace_record(unsigned int kind, uint64_t address, uint64_t cell, uint64_t last);

static inline void put(struct slot *slot, uint64_t position, uint64_t header, uint64_t address, uint64_t cell,
		       uint64_t last)
{
	uint64_t *unit = unit_at(slot, position);

	unit[1] = address;
	unit[2] = cell;
	unit[3] = last;
	__atomic_store_n(unit, header, __ATOMIC_RELEASE);
}

/* An event of one unit. What is out of the ordinary begins anew in asmrewrite_trace_record: no register is saved here. */
static inline void record(unsigned int kind, uint64_t address, uint64_t cell, uint64_t last)
{
	struct thread *thread = &asmrewrite_trace_thread;

	if (__builtin_expect(thread->pid == asmrewrite_trace_guard.pid, 1)) {
		struct slot *slot = thread->slot;
		uint64_t head = __atomic_load_n(&slot->head, __ATOMIC_RELAXED);
		const uint64_t position = head;

		if (__builtin_expect(room(slot, head, 1), 1)) {
			const uint64_t time = now();

			if (__builtin_expect(advance(slot, &head, 1), 1)) {
				put(slot, position, HEADER(time, 1, kind), address, cell, last);
				if (__builtin_expect(passed_half(slot, position, 1), 0))
					asmrewrite_trace_wake();
				return;
			}
		}
	}
	asmrewrite_trace_record(kind, address, cell, last);
}

#endif
