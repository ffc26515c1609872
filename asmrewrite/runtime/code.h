/* code.h - writing code that other threads may be running: the one patch primitive.
 *
 * The text that holds the sites, and the arena for new stubs, are moved into a memory file (memfd_create): executable
 * and not writable where they run, writable and not executable at an alias that no one else knows. A file of memory
 * is shared across fork(), so a child makes a copy of its own before it writes.
 */
#ifndef ASMREWRITE_CODE_H
#define ASMREWRITE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "code_size.h"

/* In .bss, so within reach of the text; entry.S gives it frame information. */
extern unsigned char asmrewrite_arena[ARENA_SIZE];

/* Why code cannot be written; 0 when it can. */
enum code_refusal {
	CODE_OK,
	CODE_BUSY,		/* another thread is writing */
	CODE_NO_SEGMENT,	/* the sites lie in no executable segment of this module */
	CODE_NO_MEMORY_FILE,	/* a memory file is forbidden, or mapping it executable */
	CODE_NO_BARRIER,	/* other threads run, and membarrier is missing or may be forbidden */
	CODE_OTHER_BYTES,	/* the text is not what the table says: a debugger, or another patcher */
	CODE_SPENT,		/* the arena is full */
	CODE_FORKED,		/* a child that could not make its own copy */
};

const char *asmrewrite_code_words(enum code_refusal);

/* Make this process known to membarrier. */
bool asmrewrite_code_prepare(void);
/* Move the pages of [low, high) and the arena into a memory file. */
enum code_refusal asmrewrite_code_open(uintptr_t low, uintptr_t high);
void asmrewrite_code_close(void);

/* Before any change of code. No signal is delivered to the holder; `wait` for who has it, or come back BUSY. */
enum code_refusal asmrewrite_code_lock(bool wait);
void asmrewrite_code_unlock(void);

/* In a child: make its own copy now. */
void asmrewrite_code_own(void);

/* Room in the arena for new code, in bytes; NULL when it is spent. asmrewrite_code_put() fills it. */
void *asmrewrite_code_allocate(size_t size, size_t alignment);

/* Write bytes that no thread can be running. */
void asmrewrite_code_put(void *at, const void *bytes, size_t size);

/* entry.S: iret to where we are. */
void asmrewrite_serialise(void);

/* Let no core run stale bytes of what was put. */
enum code_refusal asmrewrite_code_synchronise(void);

/* Replace the `size` bytes (at most 8) at `at`, which must be `before`, while other threads run through them. */
enum code_refusal asmrewrite_code_replace(void *at, const void *before, const void *after, unsigned size);

/* The same for code that is written at `place`: one aligned store, or int3 (trap.h) for what straddles a word. */
enum code_refusal asmrewrite_code_store(void *at, unsigned char *place, const void *after, unsigned size);

/* Put every site as this process has it; start.c calls all who own sites. In a child's new copy, before it runs. */
void asmrewrite_restore_sites(void);

#endif
