/* log.c - see log.h */
#include "log.h"

#include "ring.h"
#include "system.h"

void asmrewrite_trace_log(enum record kind, uint64_t a, uint64_t b, const char *text, size_t size)
{
	struct region *region = asmrewrite_trace_region;
	const uint64_t whole = (sizeof(struct record_header) + size + 7) & -8UL;
	const uint64_t at = __atomic_fetch_add(&region->logged, whole, __ATOMIC_RELAXED);

	if (at + whole > region->log_size)
		return;
	struct record_header *record = (void *)((char *)region + region->log + at);

	record->size = (uint32_t)whole;
	record->time = now();
	record->pid = (int)sys(SYS_getpid);
	record->tid = (int)sys(SYS_gettid);
	record->a = a;
	record->b = b;
	copy_bytes(record->text, text, size);
	__atomic_store_n(&record->kind, kind, __ATOMIC_RELEASE);
}
