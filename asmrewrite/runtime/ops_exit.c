/* ops_exit.c - return addresses that were replaced, in a table keyed by where on the stack they stood.
 *
 * Unwinders search it too, by what ops_entry.S says of asmrewrite_ops_return, so exceptions, backtraces and debuggers
 * pass through; and what longjmp, exceptions or the end of a thread leave behind is told from what is live by the stack:
 * the cell of a live entry holds asmrewrite_ops_return. A bucket has eight entries; without room there is no exit.
 *
 * Only the thread that runs on a cell's stack changes that cell's entries; others take free ones. So a key is 0, the
 * cell, the cell + BUSY (being filled; unwinders take it), or the cell + TAIL: a function that was tail-called, by one
 * whose exit was hooked, has the cell of that one and is kept beside it.
 */
#define _GNU_SOURCE
#include <sys/uio.h>

#include "ops.h"
#include "system.h"

#define BUSY	1
#define TAIL	2
#define BUCKETS	(1u << EXIT_BUCKETS_SHIFT)

/* The offsets of keys and parents are known to ops_entry.S. */
struct bucket {
	uint64_t keys[EXIT_ENTRIES];
	uint64_t parents[EXIT_ENTRIES];
	uint64_t ips[EXIT_ENTRIES];
	struct asmrewrite_ops *ops[EXIT_ENTRIES];
	uint64_t threads[EXIT_ENTRIES];
	uint64_t turns[EXIT_ENTRIES];	/* of tail calls: 1 for the first of a cell */
	uint64_t nothing[16];
};

_Static_assert(sizeof(struct bucket) == 1 << EXIT_BUCKET_SHIFT, "the size in ops.h");
_Static_assert(offsetof(struct bucket, parents) == EXIT_RETURNS, "the offset in ops.h");
_Static_assert(offsetof(struct bucket, nothing) <= EXIT_NOTHING, "the offset in ops.h");

struct bucket asmrewrite_ops_table[BUCKETS] __attribute__((aligned(4096), visibility("hidden")));

static struct bucket *bucket_of(const uint64_t *cell)
{
	return &asmrewrite_ops_table[((uintptr_t)cell >> 3) * EXIT_HASH >> (64 - EXIT_BUCKETS_SHIFT)];
}

static uint64_t this_thread(void)
{
	uint64_t self;

	__asm__("movq %%fs:0, %0" : "=r"(self));
	return self;
}

bool asmrewrite_shadow_stack(void)
{
	unsigned long shadow = 0;

	__asm__ volatile("rdsspq %0" : "+r"(shadow));	/* a nop without a shadow stack */
	return shadow;
}

static uint64_t key_of(const struct bucket *bucket, unsigned int entry)
{
	return __atomic_load_n(&bucket->keys[entry], __ATOMIC_ACQUIRE);
}

static void set_key(struct bucket *bucket, unsigned int entry, uint64_t key)
{
	__atomic_store_n(&bucket->keys[entry], key, __ATOMIC_RELEASE);
}

/* The entries of a cell: of the function that was called there, and of the last that was tail-called by it. */
struct found {
	unsigned int first, tail;	/* EXIT_ENTRIES for none */
};

static inline struct found find(const struct bucket *bucket, const uint64_t *cell)
{
	struct found found = { EXIT_ENTRIES, EXIT_ENTRIES };

	for (unsigned int i = 0; i < EXIT_ENTRIES; i++) {
		const uint64_t key = key_of(bucket, i) ^ (uintptr_t)cell;

		if (!key)
			found.first = i;
		else if (key == TAIL &&
			 (found.tail == EXIT_ENTRIES || bucket->turns[i] > bucket->turns[found.tail]))
			found.tail = i;
	}
	return found;
}

static long peek(uint64_t at, uint64_t *content)
{
	const struct iovec from = { (void *)at, 8 }, to = { content, 8 };
	const long process = sys(SYS_getpid);

	return sys(SYS_process_vm_readv, process, &to, 1, &from, 1, 0);
}

/* Whether the function of an entry of this thread is gone: its stack holds something else now, or is no more. */
static bool stale(uint64_t key)
{
	uint64_t content, code;
	const long got = peek(key & -8UL, &content);

	if (got != 8)
		return got == -14 /* EFAULT */;
	/* Another module's runtime may have hooked the same cell, for a tail call. */
	return !(peek(content, &code) == 8 && same_bytes(&code, (const void *)RETURNS_TO, 7));
}

/* An entry of our own, its key `key` + BUSY. */
static unsigned int take(struct bucket *bucket, uint64_t key)
{
	const uint64_t self = this_thread();

	for (unsigned int round = 0; round < 2; round++)
		for (unsigned int i = 0; i < EXIT_ENTRIES; i++) {
			uint64_t before = key_of(bucket, i);

			if (before && (!round || before & BUSY || bucket->threads[i] != self || !stale(before)))
				continue;
			if (__atomic_compare_exchange_n(&bucket->keys[i], &before, key | BUSY, false, __ATOMIC_ACQ_REL,
							__ATOMIC_RELAXED)) {
				bucket->threads[i] = self;
				return i;
			}
		}
	return EXIT_ENTRIES;
}

uintptr_t asmrewrite_exit_parent(const uint64_t *cell)
{
	const struct bucket *bucket = bucket_of(cell);

	if (*cell != RETURNS_TO)
		return *cell;
	const unsigned int entry = find(bucket, cell).first;

	return entry == EXIT_ENTRIES ? 0 : bucket->parents[entry];
}

bool asmrewrite_exit_hook(uint64_t *cell, uintptr_t ip, struct asmrewrite_ops *ops)
{
	struct bucket *bucket = bucket_of(cell);
	const uint64_t key = (uintptr_t)cell, returning = RETURNS_TO;
	const bool tail = *cell == returning;
	uint64_t turn = 0;
	struct found found = find(bucket, cell);

	if (tail)
		turn = found.tail == EXIT_ENTRIES ? 1 : bucket->turns[found.tail] + 1;
	else	/* what is left of a function that never returned here */
		for (; found.first < EXIT_ENTRIES || found.tail < EXIT_ENTRIES; found = find(bucket, cell))
			set_key(bucket, found.tail < EXIT_ENTRIES ? found.tail : found.first, 0);
	const unsigned int entry = take(bucket, tail ? key | TAIL : key);

	if (entry == EXIT_ENTRIES)
		return false;
	bucket->parents[entry] = *cell;
	bucket->ips[entry] = ip;
	bucket->ops[entry] = ops;
	bucket->turns[entry] = turn;
	__atomic_store_n(cell, returning, __ATOMIC_RELEASE);
	set_key(bucket, entry, tail ? key | TAIL : key);
	return true;
}

bool asmrewrite_exit_take(uint64_t *cell, struct exit_entry *taken, bool *last)
{
	struct bucket *bucket = bucket_of(cell);
	const struct found found = find(bucket, cell);

	*last = found.tail == EXIT_ENTRIES;
	if (found.first == EXIT_ENTRIES)
		return false;
	const unsigned int entry = *last ? found.first : found.tail;

	taken->parent = bucket->parents[found.first];
	taken->ip = bucket->ips[entry];
	taken->ops = bucket->ops[entry];
	if (*last)	/* before the entry goes: an unwinder finds one or the other */
		__atomic_store_n(cell, taken->parent, __ATOMIC_RELEASE);
	set_key(bucket, entry, 0);
	return true;
}
