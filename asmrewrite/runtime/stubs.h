/* stubs.h - the machine code of stubs that are made while the program runs.
 *
 * A learning stub, for a target in %rax (in %r11: a nop for each xchg, as every register must come out as it was):
 *
 *	49 87 c3		xchg	%rax, %r11
 *	e8 rel32		call	asmrewrite_count
 *	49 87 c3		xchg	%rax, %r11
 *	e9 rel32		jmp	slow path
 *	.long number
 *
 * A chain, its struct in front of it (the targets are its slots):
 *
 *	48 3b 05 rel32		cmpq	slot0(%rip), %rax	\ for each entry
 *	0f 84 rel32		je	target0			/
 *	64 ff 0c 25 offset	decl	%fs:misses
 *	78 05			js	1f
 *	e9 rel32		jmp	slow path
 *	49 87 c3	1:	xchg	%rax, %r11
 *	e8 rel32		call	asmrewrite_missed
 *	49 87 c3		xchg	%rax, %r11
 *	e9 rel32		jmp	slow path
 *	.long number
 */
#ifndef ASMREWRITE_STUBS_H
#define ASMREWRITE_STUBS_H

#include <stdint.h>

#define CHAIN_MAX	8

/* What a stub is made for. */
struct stub_plan {
	uint32_t number;	/* of the site */
	uint8_t reg;		/* that holds the target, hardware number */
	const void *slow;	/* the slow path */
};

/* In the arena, its code behind it. It is never changed and never freed: a thread may sleep in it. */
struct chain {
	const struct chain *previous; /* of the same site */
	uint64_t entries;
	uint64_t targets[];	/* the most frequent first */
};

/* Whether a direct jump at `from` reaches `to`. */
int asmrewrite_reaches(const void *from, uint64_t to);

/* Make a stub in the arena, under the lock; NULL when that is spent. */
void *asmrewrite_learning_stub(const struct stub_plan *plan);
const struct chain *asmrewrite_make_chain(const struct stub_plan *plan, const struct chain *previous,
					  const uint64_t *targets, unsigned int count);

/* The first instruction of a chain. */
static inline void *chain_code(const struct chain *chain)
{
	return (void *)&chain->targets[chain->entries];
}

#endif
