/* trap.h - replacing an instruction that straddles an aligned word: int3 first, and a barrier behind each step.
 *
 * The first byte becomes int3, then the others are written, then the first: the kernel's way (text_poke_bp). A thread
 * that runs into the int3 waits in the SIGTRAP handler until it is gone, and goes on there.
 */
#ifndef ASMREWRITE_TRAP_H
#define ASMREWRITE_TRAP_H

#include "code.h"

/* Bring `size` bytes at `at`, which is written at `writable`, to `after`. Under the lock. */
enum code_refusal asmrewrite_trap_replace(void *at, unsigned char *writable, const unsigned char *after, unsigned size);

#endif
