/* keys.h - what the corpus shares: keys, shapes, and how both are listed.
 *
 * A shape is a function that tests keys; main.c calls all of them in every state of the keys. With REFERENCE a test is
 * plain C: the byte, read and looked at.
 */
#ifndef KEYS_H
#define KEYS_H

#include <asmrewrite/marker.h>
#include <asmrewrite/static_key.h>

#ifdef REFERENCE
#undef static_branch_unlikely
#undef static_branch_likely
#define static_branch_unlikely(key)	((*(volatile unsigned char *)&(key)->on) != 0)
#define static_branch_likely(key)	static_branch_unlikely(key)
#endif

#ifdef __cplusplus
extern "C" {
#endif

struct shape {
	const char *name;
	long (*run)(long);
};

struct listed_key {
	const char *name;
	struct static_key *key;
};

DECLARE_STATIC_KEY_FALSE(corpus_a);
DECLARE_STATIC_KEY_TRUE(corpus_b);
DECLARE_STATIC_KEY_FALSE(corpus_c);
DECLARE_STATIC_KEY_FALSE(corpus_far);	/* the library's */
DECLARE_STATIC_KEY_TRUE(corpus_away);
#pragma GCC visibility push(hidden)
DECLARE_STATIC_KEY_FALSE(corpus_hidden);
#pragma GCC visibility pop

/* Of another file: nothing is known of them. */
extern long ext1(long), ext2(long), ext_many(long, long, long, long, long, long, long, long);
extern double ext_double(double);
extern void ext_void(long);
extern volatile long ext_sink;
extern void library_list(void (*shape)(const struct shape *), void (*key)(const struct listed_key *));

#ifdef __cplusplus
}
#define OUTSIDE extern "C"
#else
#define OUTSIDE
#endif

#define SHAPE_SECTION	__attribute__((used, section("corpus_shapes"), aligned(8)))
#define SHAPE(name)								\
	__attribute__((noinline)) static long name(long);			\
	SHAPE_SECTION static const struct shape shape_##name = { #name, name };	\
	__attribute__((noinline)) static long name(long x)

#define LISTED_KEY(name)							\
	__attribute__((used, section("corpus_keys"), aligned(8)))		\
	static const struct listed_key key_##name = { #name, &name }

/* A key of this file alone. */
#define OWN_KEY(name)	static struct static_key name __asm__("__SKEY__" #name) = { 0, 0 }; LISTED_KEY(name)

#define off_or(key)	static_branch_unlikely(&key)
#define on_or(key)	static_branch_likely(&key)

#endif
