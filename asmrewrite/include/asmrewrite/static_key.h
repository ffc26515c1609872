/* asmrewrite/static_key.h - branches that are switched while the program runs, and cost nothing until then.
 *
 *	DECLARE_STATIC_KEY_FALSE(debug);		in a header
 *	DEFINE_STATIC_KEY_FALSE(debug);			in one source file; or _TRUE
 *
 *	if (static_branch_unlikely(&debug))		a nop where the key is off, a jump where it is on
 *		report();
 *	if (static_branch_likely(&fast)) ...
 *
 *	static_branch_enable(&debug);			from any thread, while others run through the branches;
 *	static_branch_disable(&debug);			from signal handlers too
 *	static_branch_inc(&debug);			the same, counted: on as long as the count is above 0
 *	static_branch_dec(&debug);
 *	static_key_enabled(&debug)
 *
 * The words are those of the kernel's include/linux/jump_label.h. Without asmrewrite the same source works by a load
 * and a branch. When a change returns, every branch that a thread comes to from then on goes the new way.
 *
 * A key's symbol is __SKEY__ and its name, in any namespace, so a name can be used once in a program.
 * A module (program or shared object) that changes keys must have the runtime if any module has it.
 */
#ifndef ASMREWRITE_STATIC_KEY_H
#define ASMREWRITE_STATIC_KEY_H

#include <stddef.h>

/* `on` comes first: asmrewrite looks for tests of the first byte of what is called __SKEY__*. It is 0 or 1. */
struct static_key {
	unsigned char on;
	int count;
};

#define DECLARE_STATIC_KEY_FALSE(name)	extern struct static_key name __asm__("__SKEY__" #name)
#define DECLARE_STATIC_KEY_TRUE(name)	DECLARE_STATIC_KEY_FALSE(name)
#define DEFINE_STATIC_KEY_FALSE(name)	\
	DECLARE_STATIC_KEY_FALSE(name); struct static_key name = { 0, 0 }
#define DEFINE_STATIC_KEY_TRUE(name)	\
	DECLARE_STATIC_KEY_FALSE(name); struct static_key name = { 1, 1 }

/* gcc takes each line of an asm for an instruction, and inlines no function that seems large; `inline` tells it not to. */
#if !defined(__clang__) && __GNUC__ >= 9
#define ASMREWRITE_INLINE		__inline__
#else
#define ASMREWRITE_INLINE
#endif

/* In asm it is a branch, whatever the compiler would rather make of a value. clang up to 16 takes no jump over a
 * constructor, so there it is C: the byte is read anew each time, and the empty asm leaves clang free to compare in
 * memory, which volatile does not.
 */
#if !defined(__clang__) || __clang_major__ >= 17
#define ASMREWRITE_ASM_GOTO	1
#define ASMREWRITE_JUMP(byte, jump, jumped)							\
	__extension__ ({									\
		__label__ asmrewrite_jumped;							\
		int asmrewrite_on = !(jumped);							\
		__asm__ ASMREWRITE_INLINE goto("{cmpb\t$0, %0|cmp\t%0, 0}\n\t" jump "\t%l1"	\
					       : : "m"(byte) : "cc" : asmrewrite_jumped);	\
		if (0) {									\
		asmrewrite_jumped:								\
			asmrewrite_on = (jumped);						\
		}										\
		asmrewrite_on;									\
	})
#define ASMREWRITE_UNLIKELY(byte)	__builtin_expect(ASMREWRITE_JUMP(byte, "jne", 1), 0)
#define ASMREWRITE_LIKELY(byte)		__builtin_expect(ASMREWRITE_JUMP(byte, "je", 0), 1)
#else
#ifdef __OPTIMIZE__
#define ASMREWRITE_ON(byte)	(__extension__ ({ __asm__ volatile("" : "+m"(byte)); (byte); }) != 0)
#else
#define ASMREWRITE_ON(byte)	(*(volatile unsigned char *)&(byte) != 0)
#endif
/* On the way that is not expected the value comes from an asm, so that it cannot be computed without a branch. */
#define ASMREWRITE_HIDDEN(value)	\
	__extension__ ({ int asmrewrite_value = (value); __asm__ volatile("" : "+r"(asmrewrite_value)); asmrewrite_value; })
#define ASMREWRITE_UNLIKELY(byte)	__builtin_expect(ASMREWRITE_ON(byte) ? ASMREWRITE_HIDDEN(1) : 0, 0)
#define ASMREWRITE_LIKELY(byte)		__builtin_expect(ASMREWRITE_ON(byte) ? 1 : ASMREWRITE_HIDDEN(0), 1)
#endif

#define static_branch_unlikely(key)	ASMREWRITE_UNLIKELY((key)->on)
#define static_branch_likely(key)	ASMREWRITE_LIKELY((key)->on)

#ifdef __cplusplus
extern "C" {
#endif

/* The runtime's; absent when the program has none. Brings all sites to what their keys say. */
extern void asmrewrite_keys_changed(void) __attribute__((weak, visibility("hidden")));

/* Whoever writes `on` last has looked at the count behind it. */
static inline __attribute__((unused)) void asmrewrite_key_settle(struct static_key *key)
{
	unsigned char on;

	do {
		on = __atomic_load_n(&key->count, __ATOMIC_SEQ_CST) > 0;
		__atomic_store_n(&key->on, on, __ATOMIC_SEQ_CST);
	} while (on != (__atomic_load_n(&key->count, __ATOMIC_SEQ_CST) > 0));
}

/* Change many keys, then call this once: one walk over the sites. */
static inline __attribute__((unused)) void static_branch_batch_end(void)
{
	if (asmrewrite_keys_changed)
		asmrewrite_keys_changed();
}

static inline __attribute__((unused)) void static_branch_batch_set(struct static_key *key, int on)
{
	__atomic_store_n(&key->count, on != 0, __ATOMIC_SEQ_CST);
	asmrewrite_key_settle(key);
}

static inline __attribute__((unused)) void static_branch_enable(struct static_key *key)
{
	static_branch_batch_set(key, 1);
	static_branch_batch_end();
}

static inline __attribute__((unused)) void static_branch_disable(struct static_key *key)
{
	static_branch_batch_set(key, 0);
	static_branch_batch_end();
}

static inline __attribute__((unused)) void static_branch_inc(struct static_key *key)
{
	__atomic_fetch_add(&key->count, 1, __ATOMIC_SEQ_CST);
	asmrewrite_key_settle(key);
	static_branch_batch_end();
}

static inline __attribute__((unused)) void static_branch_dec(struct static_key *key)
{
	__atomic_fetch_sub(&key->count, 1, __ATOMIC_SEQ_CST);
	asmrewrite_key_settle(key);
	static_branch_batch_end();
}

static inline __attribute__((unused)) int static_key_enabled(const struct static_key *key)
{
	return __atomic_load_n(&key->on, __ATOMIC_RELAXED);
}

static inline __attribute__((unused)) int static_key_count(const struct static_key *key)
{
	return __atomic_load_n(&key->count, __ATOMIC_RELAXED);
}

#ifdef __cplusplus
}
#endif

#endif
