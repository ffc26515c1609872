/* asmrewrite/static_call.h - direct calls whose target can be changed while the program runs.
 *
 *	int add(int a, int b), subtract(int a, int b);
 *
 *	DECLARE_STATIC_CALL(combine, add);		in a header: name, and any function of its type
 *	DEFINE_STATIC_CALL(combine, add);		in one source file: name, and its first target
 *	DEFINE_STATIC_CALL_NULL(hook, report);		...or none: a call does nothing (for functions that return void)
 *	DEFINE_STATIC_CALL_RET0(filter, accept);	...or none, and a call returns 0
 *
 *	r = static_call(combine)(1, 2);
 *	static_call_update(combine, subtract);		from any thread, while others call; not from a signal handler
 *	static_call_update_null(hook);			and _ret0
 *	f = static_call_query(combine);			NULL when it has no target
 *
 * The words are those of the kernel's include/linux/static_call.h. Without asmrewrite the same source works through
 * a trampoline that jumps by the key. With it every call is direct; a target that is further away than a direct call
 * reaches (2 GiB) is called through the trampoline. When static_call_update() returns, no call that begins from then
 * on goes to the old target; one that began before may still be there.
 *
 * A module (program or shared object) that updates must have the runtime if any module has it.
 */
#ifndef ASMREWRITE_STATIC_CALL_H
#define ASMREWRITE_STATIC_CALL_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Upper half: a key of this header, and not of another that uses the same names. */
#define ASMREWRITE_CALL_FUNCTION	0x5343616c00000000
#define ASMREWRITE_CALL_NULL		0x5343616c00000001
#define ASMREWRITE_CALL_RET0		0x5343616c00000002

/* A key: what the call is at present. */
struct asmrewrite_static_call {
	void *func;		/* never NULL: what the trampoline jumps to */
	long kind;		/* ASMREWRITE_CALL_... */
};

/* One change of a batch. */
struct asmrewrite_static_call_change {
	struct asmrewrite_static_call *key;
	void *func;		/* NULL for the kinds that have none */
	long kind;
};

/* The runtime's; absent when the program has none. */
extern void asmrewrite_static_call_batch(const struct asmrewrite_static_call_change *changes, size_t count)
	__attribute__((weak, visibility("hidden")));

__attribute__((weak, visibility("hidden"))) void asmrewrite_static_call_nothing(void) { }
__attribute__((weak, visibility("hidden"))) long asmrewrite_static_call_zero(void) { return 0; }

/* Make all changes at once: one walk over the sites, however many keys. */
static inline __attribute__((unused)) void
static_call_update_batch(const struct asmrewrite_static_call_change *changes, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		void *func = changes[i].kind == ASMREWRITE_CALL_NULL ? (void *)asmrewrite_static_call_nothing :
			     changes[i].kind == ASMREWRITE_CALL_RET0 ? (void *)asmrewrite_static_call_zero :
								       changes[i].func;

		__atomic_store_n(&changes[i].key->kind, changes[i].kind, __ATOMIC_RELAXED);
		__atomic_store_n(&changes[i].key->func, func, __ATOMIC_RELEASE);
	}
	if (asmrewrite_static_call_batch)
		asmrewrite_static_call_batch(changes, count);
}

static inline __attribute__((unused)) void
asmrewrite_static_call_change(struct asmrewrite_static_call *key, void *func, long kind)
{
	struct asmrewrite_static_call_change change = { key, func, kind };

	static_call_update_batch(&change, 1);
}

#ifdef __cplusplus
}
#define ASMREWRITE_EXTERN_C	extern "C"
#else
#define ASMREWRITE_EXTERN_C	extern
#endif

/* The key is found through the GOT: it may be another module's, or have been copied into the program. */
#ifdef __CET__
#define ASMREWRITE_ENDBR	"endbr64\n\t"
#else
#define ASMREWRITE_ENDBR	""
#endif

#define ASMREWRITE_TRAMPOLINE(name)							\
	__asm__(".pushsection .text.static_call, \"ax\", @progbits\n\t"		\
		".balign 16\n\t"							\
		".globl __SCT__" #name "\n\t"						\
		".type __SCT__" #name ", @function\n"					\
		"__SCT__" #name ":\n\t"						\
		".cfi_startproc\n\t"							\
		ASMREWRITE_ENDBR							\
		"movq __SCK__" #name "@GOTPCREL(%rip), %r11\n\t"			\
		"jmp *(%r11)\n\t"							\
		".cfi_endproc\n\t"							\
		".size __SCT__" #name ", . - __SCT__" #name "\n\t"			\
		".popsection")

#define DECLARE_STATIC_CALL(name, function)						\
	ASMREWRITE_EXTERN_C struct asmrewrite_static_call __SCK__##name;		\
	ASMREWRITE_EXTERN_C __typeof__(function) __SCT__##name

#define ASMREWRITE_DEFINE(name, function, target, kind)				\
	DECLARE_STATIC_CALL(name, function);						\
	struct asmrewrite_static_call __SCK__##name = { (void *)(target), (kind) };	\
	ASMREWRITE_TRAMPOLINE(name)

#define DEFINE_STATIC_CALL(name, function)						\
	ASMREWRITE_DEFINE(name, function, function, ASMREWRITE_CALL_FUNCTION)
#define DEFINE_STATIC_CALL_NULL(name, function)					\
	ASMREWRITE_DEFINE(name, function, asmrewrite_static_call_nothing, ASMREWRITE_CALL_NULL)
#define DEFINE_STATIC_CALL_RET0(name, function)					\
	ASMREWRITE_DEFINE(name, function, asmrewrite_static_call_zero, ASMREWRITE_CALL_RET0)

#define static_call(name)	__SCT__##name

/* The unused comparison lets the compiler object to a function of another type. */
#define static_call_update(name, function)						\
	((void)sizeof((function) == &__SCT__##name),					\
	 asmrewrite_static_call_change(&__SCK__##name, (void *)(function), ASMREWRITE_CALL_FUNCTION))
#define static_call_update_null(name)							\
	asmrewrite_static_call_change(&__SCK__##name, NULL, ASMREWRITE_CALL_NULL)
#define static_call_update_ret0(name)							\
	asmrewrite_static_call_change(&__SCK__##name, NULL, ASMREWRITE_CALL_RET0)

#define static_call_query(name)								\
	((__typeof__(&__SCT__##name))(__SCK__##name.kind == ASMREWRITE_CALL_FUNCTION ? __SCK__##name.func : NULL))

#endif
