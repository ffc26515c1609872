/* asmrewrite/ops.h - call something when a function begins, or ends, of a program that is compiled with passes=call-ops.
 *
 *	static void hello(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs);
 *	static struct asmrewrite_ops tracer = { .func = hello };
 *
 *	asmrewrite_ops_set(function, &tracer);		from any thread, while others run the function
 *	asmrewrite_ops_set(function, NULL);		off again
 *	asmrewrite_ops_match("parse_*", ASMREWRITE_OPS_GLOB, &tracer);
 *
 * A module is a program or a shared object; each has its own runtime, and these functions speak of the one that they
 * are linked into. None of them may be called from a signal handler, or from func or exit. Without the runtime, and for
 * functions that have no site, the answer is an error. docs/call-ops.md is the guide.
 */
#ifndef ASMREWRITE_OPS_H
#define ASMREWRITE_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * The registers as the function finds them. What func writes to the general registers and to flags is what the function
 * begins with, and what exit writes to rax and rdx is what its caller gets; rip and the stack must stay as they are.
 */
struct asmrewrite_regs {
	uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	uint64_t flags;
	uint64_t own;		/* the runtime's */
	uint64_t rip;		/* func: behind the site. exit: where the function returns to */
	uint64_t stack[];	/* &stack is rsp: func finds the return address first */
};

/* Flags of an ops. */
#define ASMREWRITE_OPS_VECTORS	1	/* func and exit use vector or x87 registers: they are saved around them */
#define ASMREWRITE_OPS_DIRECT	2	/* alone on a function, it is called without looking it up */

/*
 * What is called. Both functions run on the stack of the thread that called the traced one, in the middle of that call:
 * they return, throw nothing, and without ASMREWRITE_OPS_VECTORS are compiled with -mgeneral-regs-only. Functions that
 * they call themselves are not traced (asmrewrite_ops_counts). `ip` is the site, `parent` where the function returns to.
 * An ops must stay as it is, and where it is, from when it is first set until the program ends: a thread may be in it.
 */
struct asmrewrite_ops {
	void (*func)(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs);
	void (*exit)(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs);
	uint32_t flags;
	void *data;		/* the user's */
};

/* Results below 0. */
enum asmrewrite_ops_error {
	ASMREWRITE_OPS_NO_RUNTIME = -1,		/* the program has no runtime */
	ASMREWRITE_OPS_NO_SITE = -2,		/* the function has no site: without the pass, or left alone by it */
	ASMREWRITE_OPS_REFUSED = -3,		/* its code cannot be written; `reason` of asmrewrite_ops_each() says why */
	ASMREWRITE_OPS_NO_MEMORY = -4,
	ASMREWRITE_OPS_SHADOW_STACK = -5,	/* exit needs what a shadow stack forbids */
	ASMREWRITE_OPS_INVALID = -6,		/* an ops with neither func nor exit, or a pattern that is none */
};

/* A function with a site. */
struct asmrewrite_ops_function {
	const void *function;
	const void *site;
	const char *name;	/* "" when no symbol table says */
	const char *reason;	/* why it is refused, else "" */
	bool on;
};

#define ASMREWRITE_OPS_API	__attribute__((weak, visibility("hidden")))
#define ASMREWRITE_HAS_OPS	(asmrewrite_ops_set_all != 0)

/* How a pattern of asmrewrite_ops_match() is meant: fnmatch(3), or regcomp(3) with REG_EXTENDED. */
#define ASMREWRITE_OPS_GLOB	0
#define ASMREWRITE_OPS_REGEX	1

/* What was not reported: calls from inside func or exit, and exits for which there was no room. */
struct asmrewrite_ops_counts {
	uint64_t recursions;
	uint64_t lost_exits;
};

/* Set, add or remove `ops` on `count` functions at once, with one barrier. How many were done; below 0 the first error. */
extern long asmrewrite_ops_set_all(const void *const *functions, size_t count, struct asmrewrite_ops *ops)
	ASMREWRITE_OPS_API;
extern long asmrewrite_ops_add_all(const void *const *functions, size_t count, struct asmrewrite_ops *ops)
	ASMREWRITE_OPS_API;
extern long asmrewrite_ops_remove_all(const void *const *functions, size_t count, struct asmrewrite_ops *ops)
	ASMREWRITE_OPS_API;

/* Every function with a site, until `visit` returns false. How many were visited. */
extern long asmrewrite_ops_each(bool (*visit)(const struct asmrewrite_ops_function *, void *), void *data)
	ASMREWRITE_OPS_API;
/*
 * Set `ops`, or NULL, on every function whose name matches. How many were done; below 0 an error, when none was.
 */
extern long asmrewrite_ops_match(const char *pattern, int how, struct asmrewrite_ops *ops) ASMREWRITE_OPS_API;
/* The same for functions that `wanted` says true of. */
extern long asmrewrite_ops_filter(bool (*wanted)(const struct asmrewrite_ops_function *, void *), void *data,
				  struct asmrewrite_ops *ops) ASMREWRITE_OPS_API;
extern void asmrewrite_ops_read_counts(struct asmrewrite_ops_counts *counts) ASMREWRITE_OPS_API;

/* One function: 0 or an error. */
static inline __attribute__((unused)) int asmrewrite_ops_set(const void *function, struct asmrewrite_ops *ops)
{
	const long done = asmrewrite_ops_set_all ? asmrewrite_ops_set_all(&function, 1, ops) : ASMREWRITE_OPS_NO_RUNTIME;

	return done < 0 ? (int)done : 0;
}

/* Several ops on one function: they run in the order in which they were added, their exits in the opposite one. */
static inline __attribute__((unused)) int asmrewrite_ops_add(const void *function, struct asmrewrite_ops *ops)
{
	const long done = asmrewrite_ops_add_all ? asmrewrite_ops_add_all(&function, 1, ops) : ASMREWRITE_OPS_NO_RUNTIME;

	return done < 0 ? (int)done : 0;
}

static inline __attribute__((unused)) int asmrewrite_ops_remove(const void *function, struct asmrewrite_ops *ops)
{
	const long done =
		asmrewrite_ops_remove_all ? asmrewrite_ops_remove_all(&function, 1, ops) : ASMREWRITE_OPS_NO_RUNTIME;

	return done < 0 ? (int)done : 0;
}

#define ops_set		asmrewrite_ops_set

#ifdef __cplusplus
}
#endif

#endif
