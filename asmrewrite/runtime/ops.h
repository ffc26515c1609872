/* ops.h - what the dispatcher (ops_entry.S), the runner (ops_run.c), the table of exits (ops_exit.c) and the sites
 * (ops.c) share.
 */
#ifndef ASMREWRITE_RUNTIME_OPS_H
#define ASMREWRITE_RUNTIME_OPS_H

/* struct asmrewrite_regs, in bytes. */
#define REGS_OWN	128
#define REGS_RIP	136
#define REGS_STACK	144

/* Bytes of each of the sixteen entries that sites call; which of them is for a site that is a nop. */
#define ENTRY_SIZE	16
#define ENTRY_OF_NOP		4

/* The table of exits: buckets of eight cells, then their return addresses, and so on. Unused bytes are 0. */
#define EXIT_BUCKETS_SHIFT	13
#define EXIT_BUCKET_SHIFT	9
#define EXIT_ENTRIES		8
#define EXIT_RETURNS		64
#define EXIT_NOTHING		448	/* a word of zeros */
#define EXIT_HASH		0x1e3779b97f4a7c15

/* XCR0: x87, SSE, AVX, AVX-512. */
#define VECTOR_STATE		0xe7

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asmrewrite/ops.h"

/* Several ops behind one pointer. Never changed and never freed: a thread may be in it. */
#define OPS_LIST	0x80000000u

struct ops_list {
	struct asmrewrite_ops head; /* its flags are OPS_LIST */
	struct ops_list *next;	/* of all lists */
	size_t count;
	struct asmrewrite_ops *members[];
};

/* ops_entry.S */
extern const unsigned char asmrewrite_ops_entry[];	/* what sites call: the cell is found by asmrewrite_ops_delta, */
extern const unsigned char asmrewrite_ops_entry_8[];	/* or is the literal 8 */
extern const unsigned char asmrewrite_ops_entry_16[];	/* or 16 bytes before the site's word */
extern const unsigned char asmrewrite_ops_direct[];	/* what trampolines call */
extern const char asmrewrite_ops_return[]; /* a word, then where a function returns to when its exit is wanted */
#define RETURNS_TO	((uintptr_t)asmrewrite_ops_return + 8)
void asmrewrite_ops_call(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs,
			 void *function);
void asmrewrite_ops_call_vectors(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops,
				 struct asmrewrite_regs *regs, void *function);
extern uintptr_t asmrewrite_ops_delta;
extern uint64_t asmrewrite_ops_vector_size; /* bytes that the vector state needs, a multiple of 64; 0: fxsave */

/* ops_run.c: called from ops_entry.S. */
void asmrewrite_ops_run(uintptr_t ip, struct asmrewrite_regs *regs, struct asmrewrite_ops *ops);
void asmrewrite_ops_leave(struct asmrewrite_regs *regs);
/* Learn the size of the vector state. */
void asmrewrite_ops_measure(void);

/* ops_exit.c: what is known of a return that was replaced; `parent` is where all of its cell return to. */
struct exit_entry {
	uintptr_t parent, ip;
	struct asmrewrite_ops *ops;
};

/* Where the function whose return address is at `cell` returns to. */
uintptr_t asmrewrite_exit_parent(const uint64_t *cell);
/* Replace the return address at `cell`; false: there is no room. */
bool asmrewrite_exit_hook(uint64_t *cell, uintptr_t ip, struct asmrewrite_ops *ops);
/* Take the last of those hooked at `cell` off; false when there is none. `last`: it was the first. */
bool asmrewrite_exit_take(uint64_t *cell, struct exit_entry *entry, bool *last);
bool asmrewrite_shadow_stack(void);

/* ops.c */
bool asmrewrite_ops_read(uintptr_t *low, uintptr_t *high);
void asmrewrite_ops_restore(void);
void asmrewrite_ops_forking(void);
void asmrewrite_ops_forked(void);
void asmrewrite_ops_stop(void);
#endif

#endif
