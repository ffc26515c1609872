/* ops_sites.c - the entry sites of this module as the table says, and their cells (ops_sites.h).
 *
 * A program starts without looking at more of the table than its range: the sites are read when they are first asked
 * for. The array of cells is there from the start, for a child whose parent turns a site on.
 */
#define _GNU_SOURCE
#include "ops_sites.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "asmrewrite/abi.h"
#include "code.h"
#include "system.h"

struct ops_site *asmrewrite_ops_sites;
size_t asmrewrite_ops_count;
bool asmrewrite_ops_literals;

static uintptr_t text_low, text_high;

void asmrewrite_ops_off(uint8_t reg, unsigned char *bytes)
{
	static const unsigned char nop[SITE_SIZE] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
	const unsigned char push[SITE_SIZE] = { 0x2e, 0x2e, 0x2e, reg > 7 ? 0x41 : 0x2e, 0x50 + (reg & 7) };

	copy_bytes(bytes, reg == ASMREWRITE_NO_REGISTER ? nop : push, SITE_SIZE);
}

/* Whether the text is what the table says. */
static bool as_recorded(const struct ops_site *site, const struct asmrewrite_site *record)
{
	unsigned char off[SITE_SIZE];
	const bool known = record->form == ASMREWRITE_FORM_NOP ? record->reg == ASMREWRITE_NO_REGISTER :
			   record->form == ASMREWRITE_FORM_PUSH && record->reg < 16 && record->reg != ENTRY_OF_NOP;

	asmrewrite_ops_off(record->reg, off);
	return record->version == ASMREWRITE_ABI_VERSION && known && (uintptr_t)site->at % 8 <= 8 - SITE_SIZE &&
	       same_bytes(site->at, off, SITE_SIZE);
}

bool asmrewrite_ops_read(uintptr_t *low, uintptr_t *high)
{
	const struct asmrewrite_site *record;
	bool array = false;

	text_low = UINTPTR_MAX;
	for (record = asmrewrite_sites_begin; record < asmrewrite_sites_end; record++) {
		const uintptr_t at = (uintptr_t)&record->site + (uintptr_t)record->site;

		if (record->pass != ASMREWRITE_CALL_OPS)
			continue;
		*(record->slots ? &asmrewrite_ops_literals : &array) = true;
		if (at < text_low)
			text_low = at & -8UL;
		if (at + SITE_SIZE > text_high)
			text_high = at + SITE_SIZE;
	}
	if (!text_high)
		return false;
	if (text_low < *low)
		*low = asmrewrite_ops_literals ? text_low - 24 : text_low;
	if (text_high > *high)
		*high = text_high;
	/* One word for each aligned word of the text. Pages that no function needs are never there. */
	long made = !array ? -1 : sys(SYS_mmap, 0, text_high - text_low + 8, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (!failed(made))
		asmrewrite_ops_delta = (uintptr_t)made - text_low;
	return true;
}

static int by_function(const void *a, const void *b)
{
	const struct ops_site *left = a, *right = b;

	return left->function < right->function ? -1 : left->function > right->function;
}

static void read_all(void)
{
	const struct asmrewrite_site *record;
	size_t found = 0, count = 0;

	for (record = asmrewrite_sites_begin; record < asmrewrite_sites_end; record++)
		found += record->pass == ASMREWRITE_CALL_OPS;
	if (!found || !text_high)
		return;
	long made = sys(SYS_mmap, 0, found * sizeof(struct ops_site), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (failed(made))
		return;
	asmrewrite_ops_sites = (struct ops_site *)made;
	for (record = asmrewrite_sites_begin; record < asmrewrite_sites_end; record++) {
		if (record->pass != ASMREWRITE_CALL_OPS)
			continue;
		struct ops_site *site = &asmrewrite_ops_sites[count++];

		site->at = (unsigned char *)&record->site + record->site;
		site->function = (unsigned char *)&record->dest + record->dest;
		site->reg = record->reg;
		site->literal = record->slots != 0;
		site->cell = site->literal ? (struct asmrewrite_ops **)((unsigned char *)&record->slots + record->slots) :
			     asmrewrite_ops_delta ? (struct asmrewrite_ops **)(((uintptr_t)site->at & -8UL) + asmrewrite_ops_delta) :
						    NULL;
		if (!as_recorded(site, record))
			site->refusal = CODE_OTHER_BYTES;
	}
	qsort(asmrewrite_ops_sites, count, sizeof(struct ops_site), by_function);
	/* A child of this moment has none, and reads the table again. */
	__atomic_store_n(&asmrewrite_ops_count, count, __ATOMIC_RELEASE);
}

size_t asmrewrite_ops_known(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, read_all);
	return asmrewrite_ops_count;
}

struct ops_site *asmrewrite_ops_find(const void *function)
{
	size_t low = 0, high = asmrewrite_ops_known();

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if ((const void *)asmrewrite_ops_sites[middle].function < function)
			low = middle + 1;
		else
			high = middle;
	}
	return low < asmrewrite_ops_count && asmrewrite_ops_sites[low].function == function ? &asmrewrite_ops_sites[low] : NULL;
}

void asmrewrite_ops_empty(bool used)
{
	if (asmrewrite_ops_delta)
		sys(used ? SYS_madvise : SYS_munmap, asmrewrite_ops_delta + text_low, text_high - text_low + 8, MADV_DONTNEED);
}
