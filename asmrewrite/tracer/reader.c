/* reader.c - the other side: what `asmrewrite trace` does with the memory file. See region.h for the protocol.
 *
 * It is in the same shared object, so that both sides are of one make; Python calls it through ctypes.
 */
#include <linux/futex.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <time.h>

#include "region.h"
#include "system.h"

#define EXPORT	__attribute__((visibility("default")))

/* Bytes that a file must have for rings of `units`. */
EXPORT uint64_t asmrewrite_reader_size(uint64_t units, uint64_t log_size)
{
	return ((sizeof(struct region) + PAGE - 1) & -PAGE) + log_size + SLOTS_MAX * (PAGE + units * UNIT_WORDS * 8);
}

/* Map the memory file `file`, which has that size and holds zeroes, and describe it; NULL when it cannot be mapped. */
EXPORT struct region *asmrewrite_reader_open(int file, uint64_t units, uint64_t log_size, uint32_t newest, uint32_t exits,
					     uint32_t text_max, uint32_t follow, const char *settings, uint64_t settings_size)
{
	const uint64_t size = asmrewrite_reader_size(units, log_size);
	long made = sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);

	if (failed(made) || settings_size >= SETTINGS_SIZE)
		return NULL;
	struct region *region = (struct region *)made;

	region->size = size;
	region->units = units;
	region->stride = PAGE + units * UNIT_WORDS * 8;
	region->log = (sizeof(struct region) + PAGE - 1) & -PAGE;
	region->log_size = log_size;
	region->first = region->log + log_size;
	region->newest = newest;
	region->exits = exits;
	region->text_max = text_max;
	region->follow = follow;
	copy_bytes(region->settings, settings, settings_size);
	__atomic_store_n(&region->magic, REGION_MAGIC, __ATOMIC_RELEASE);
	return region;
}

/* Slots below this may be taken. */
EXPORT uint32_t asmrewrite_reader_used(struct region *region)
{
	return __atomic_load_n(&region->used, __ATOMIC_ACQUIRE);
}

struct about {
	int32_t pid, tid;
	uint64_t space, start;
	uint64_t taken, dropped, torn;	/* events, events, units */
	char name[16];
};

/* What slot `number` is; false when nobody has it, or he is not yet done with taking it. */
EXPORT bool asmrewrite_reader_about(struct region *region, uint32_t number, struct about *about)
{
	struct slot *slot = slot_at(region, number);

	if (__atomic_load_n(&region->state[number], __ATOMIC_ACQUIRE) != STATE_TAKEN)
		return false;
	about->pid = slot->pid;
	about->tid = slot->tid;
	about->start = slot->start;
	about->dropped = slot->dropped;
	about->torn = slot->torn;
	about->taken = slot->taken;
	about->space = slot->space;
	copy_bytes(about->name, slot->name, sizeof about->name);
	return true;
}

/* Units at the tail that nobody will finish. */
static void skip_torn(struct slot *slot, uint64_t *tail, uint64_t head)
{
	while (*tail < head) {
		uint64_t *unit = unit_at(slot, *tail);

		if (*unit && HEADER_KIND(*unit) != KIND_MORE)
			return;
		*unit = 0;
		slot->torn++;
		(*tail)++;
	}
}

/*
 * Take finished events out of the ring, at most `room` units, to `out`; how many units. `ended`: the thread is no more,
 * so what is not finished never will be. Behind what was taken stands a KIND_DROPS when events have been dropped.
 */
EXPORT uint64_t asmrewrite_reader_drain(struct region *region, uint32_t number, uint64_t *out, uint64_t room, bool ended)
{
	struct slot *slot = slot_at(region, number);
	uint64_t tail = __atomic_load_n(&slot->tail, __ATOMIC_ACQUIRE), taken = 0, time = 0;
	const uint64_t dropped = __atomic_load_n(&slot->dropped, __ATOMIC_RELAXED);
	const uint64_t head = __atomic_load_n(&slot->head, __ATOMIC_ACQUIRE);

	if (ended)
		skip_torn(slot, &tail, head);
	/* With `newest` they were overwritten, so they are missing before the rest. */
	if (slot->newest && dropped != slot->told && room) {
		out[0] = HEADER(0, 1, KIND_DROPS), out[1] = dropped - slot->told, out[2] = out[3] = 0;
		slot->told = dropped;
		taken++;
	}
	while (tail < head) {
		const uint64_t header = __atomic_load_n(unit_at(slot, tail), __ATOMIC_ACQUIRE);
		const unsigned int units = HEADER_UNITS(header);

		if (!header || taken + units + 1 > room)
			break;
		for (unsigned int i = 0; i < units; i++, tail++, taken++) {
			uint64_t *unit = unit_at(slot, tail);

			for (unsigned int word = 0; word < UNIT_WORDS; word++)
				out[taken * UNIT_WORDS + word] = unit[word];
			*unit = 0;
		}
		slot->taken++;
		time = header >> 8;
		if (ended)
			skip_torn(slot, &tail, head);
	}
	/* All that was dropped until `head` was read is missing behind what was there then, and all of that was taken. */
	if (!slot->newest && dropped != slot->told && (tail == head || ended) && taken < room) {
		uint64_t *unit = out + taken * UNIT_WORDS;

		unit[0] = HEADER(time, 1, KIND_DROPS), unit[1] = dropped - slot->told, unit[2] = unit[3] = 0;
		slot->told = dropped;
		taken++;
	}
	__atomic_store_n(&slot->tail, tail, __ATOMIC_RELEASE);
	return taken;
}

/* No event is recorded in this slot from now on. */
EXPORT void asmrewrite_reader_stop(struct region *region, uint32_t number)
{
	__atomic_store_n(&slot_at(region, number)->limit, 0, __ATOMIC_RELEASE);
}

/* The thread is no more, and all was taken: another may have the slot. */
EXPORT void asmrewrite_reader_free(struct region *region, uint32_t number)
{
	struct slot *slot = slot_at(region, number);

	slot->head = slot->tail = slot->dropped = slot->told = slot->taken = slot->torn = 0;
	__atomic_store_n(&region->state[number], STATE_FREE, __ATOMIC_RELEASE);
}

/* Events of threads without a slot. */
EXPORT uint64_t asmrewrite_reader_lost(struct region *region)
{
	return __atomic_load_n(&region->lost, __ATOMIC_RELAXED);
}

/* The log: its bytes that are reserved, and where it begins. */
EXPORT const char *asmrewrite_reader_log(struct region *region, uint64_t *logged)
{
	*logged = __atomic_load_n(&region->logged, __ATOMIC_ACQUIRE);
	return (const char *)region + region->log;
}

/* Sleep until a ring is half full, or for `nanoseconds`, or until a signal. */
EXPORT void asmrewrite_reader_sleep(struct region *region, uint64_t nanoseconds)
{
	const struct timespec time = { (time_t)(nanoseconds / 1000000000), (long)(nanoseconds % 1000000000) };

	__atomic_store_n(&region->sleeping, 1, __ATOMIC_RELEASE);
	sys(SYS_futex, &region->sleeping, FUTEX_WAIT, 1, &time);
	__atomic_store_n(&region->sleeping, 0, __ATOMIC_RELAXED);
}

/* The TSC and CLOCK_MONOTONIC (nanoseconds) at one moment: of many pairs the one that was read the fastest. */
EXPORT void asmrewrite_reader_clock(uint64_t *tsc, uint64_t *nanoseconds)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < 1000; i++) {
		struct timespec time;
		const uint64_t before = now();

		clock_gettime(CLOCK_MONOTONIC, &time);
		const uint64_t after = now();

		if (after - before >= best)
			continue;
		best = after - before;
		*tsc = before + best / 2;
		*nanoseconds = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
	}
}
