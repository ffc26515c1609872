/* region.h - the memory file that traced programs write and `asmrewrite trace` reads.
 *
 * The reader makes it and describes it in its first pages; every traced process maps all of it shared, so what was
 * recorded outlives the process, however it ends. Behind the header come a log (modules, markers, processes: a few
 * records each) and the slots, one for each thread that has events: a page about the thread, then its ring.
 *
 * A ring is an array of units of 32 bytes. An event takes one unit, or several when a marker has many arguments, and
 * every unit begins with a header word that is not 0 once the unit is written:
 *
 *	word 0	time << 8 | (units - 1) << 3 | kind	(time: of the TSC, its low 56 bits)
 *	word 1	the address of the function or marker
 *	word 2	the cell: where on the stack the return address lies
 *	word 3	a marker's first argument word; the units that follow have three more each, behind the header HEADER_MORE
 *
 * `head` and `tail` count units and never wrap. Only the thread (and signal handlers in it) moves `head`: it reserves
 * room, writes the units, the first header last. The reader takes units whose header is there, puts 0 in it, and only
 * then moves `tail`. So an event that is being written is waited for, never torn, and when there is no room it is
 * dropped and counted.
 */
#ifndef TRACE_REGION_H
#define TRACE_REGION_H

#include <stdint.h>

#define REGION_MAGIC	0x3165636172747761UL	/* "awtrace1" */
#define PAGE		4096UL
#define SLOTS_MAX	4096
#define SETTINGS_SIZE	16384
#define UNIT_WORDS	4
#define UNITS_MAX	32			/* of one event */

enum kind {
	KIND_ENTRY = 1,
	KIND_EXIT,
	KIND_TAIL,		/* an entry by a tail call: the function entered before at this cell is still open */
	KIND_ALONE,		/* an entry whose exit is not watched */
	KIND_MARKER,
	KIND_DROPS,		/* made by the reader: so many events are missing here (word 1) */
	KIND_MORE,
};

#define HEADER(time, units, kind)	((uint64_t)(time) << 8 | (uint64_t)((units) - 1) << 3 | (kind))
#define HEADER_MORE			HEADER(0, 1, KIND_MORE)
#define HEADER_KIND(header)		((header) & 7)
#define HEADER_UNITS(header)		(((header) >> 3 & 31) + 1)

struct slot {
	/* The thread's. */
	uint64_t head;
	uint64_t dropped;	/* events; with `newest` those that were overwritten */
	uint64_t mask;		/* units of the ring - 1 */
	uint64_t limit;		/* units that may be used: all, or 0 when the trace is over */
	uint64_t half;		/* units; the reader is woken when `head` passes it */
	uint64_t newest;
	uint64_t unused[2];
	/* The reader's; with `newest` the thread's. */
	uint64_t tail;
	uint64_t told;		/* dropped events that a KIND_DROPS tells of */
	uint64_t taken;		/* events */
	uint64_t torn;		/* units that were never finished */
	uint64_t unused2[4];
	int32_t pid, tid;
	uint64_t space;		/* the namespace that they are of (inode number); 0 when that is not known */
	uint64_t start;		/* the TSC when the thread took it */
	char name[16];		/* of the thread, then */
	char rest[PAGE - 168];
	uint64_t ring[];
};
_Static_assert(sizeof(struct slot) == PAGE, "the ring begins at a page");

enum state { STATE_FREE, STATE_TAKING, STATE_TAKEN };

struct region {
	uint64_t magic;
	uint64_t size;		/* bytes, of all */
	uint64_t units;		/* of a ring; a power of two */
	uint64_t stride;	/* bytes from slot to slot */
	uint64_t first;		/* offset of the first */
	uint64_t log, log_size;	/* offset, bytes */
	uint32_t newest;	/* overwrite the oldest event instead of dropping the new one */
	uint32_t exits;		/* watch exits too */
	uint32_t text_max;	/* bytes of a string that are kept */
	uint32_t follow;	/* trace programs that the program becomes or starts */
	uint32_t sleeping;	/* futex: the reader sleeps */
	uint32_t used;		/* slots that have ever been taken are below this */
	uint64_t logged;	/* bytes of the log that are reserved; more than log_size: records are missing */
	uint64_t lost;		/* events of threads for which there was no slot or memory */
	char settings[SETTINGS_SIZE]; /* "m" GLOB of markers, "f" GLOB of functions, each ended by 0, and an empty one */
	uint32_t state[SLOTS_MAX];
};

enum record {
	RECORD_PROCESS = 1,	/* text: the program's file */
	RECORD_FORK,		/* a: the parent */
	RECORD_MODULE,		/* a: what is added to addresses as linked, b: its end; text: its file */
	RECORD_MARKER,		/* a: its address, b: its line; text: name, format and file, each ended by 0 */
	RECORD_FUNCTIONS,	/* a: functions that are watched, b: that could not be; text: why */
	RECORD_PROBLEM,		/* text */
	RECORD_UNSEEN,		/* a: entries in signal handlers that interrupted an event, of a module */
};

struct record_header {
	uint32_t size;		/* bytes, with this header; a multiple of 8 */
	uint32_t kind;		/* enum record; 0 until it is written */
	uint64_t time;
	int32_t pid, tid;
	uint64_t a, b;
	char text[];
};

static inline struct slot *slot_at(struct region *region, unsigned int number)
{
	return (struct slot *)((char *)region + region->first + number * region->stride);
}

static inline uint64_t *unit_at(struct slot *slot, uint64_t position)
{
	return slot->ring + (position & slot->mask) * UNIT_WORDS;
}

static inline uint64_t now(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}

#endif
