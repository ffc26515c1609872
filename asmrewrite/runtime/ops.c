/* ops.c - the entry sites of this module's functions, and what is set on each (include/asmrewrite/ops.h).
 *
 * A site that is off is a nop. One that is on calls the dispatcher (ops_entry.S), which finds the ops in the function's
 * cell: the eight bytes before the function, or a word of an array that is parallel to the text, made here. Off, the
 * site is written first and the cell then: who is on the way to it finds the old ops or none.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "asmrewrite/abi.h"
#include "code.h"
#include "ops_sites.h"
#include "system.h"

#define SITE_SIZE	5

static const unsigned char nop[SITE_SIZE] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

struct ops_site *asmrewrite_ops_sites;
size_t asmrewrite_ops_count;

static uintptr_t text_low, text_high;
static bool literals;			/* some cells are in the text */
static size_t on;			/* sites that are */
static struct ops_list *lists;
static unsigned int trampolines;
static struct asmrewrite_ops *trampoline_of[TRAMPOLINES_SIZE / TRAMPOLINE_SIZE];

static int by_function(const void *a, const void *b)
{
	const struct ops_site *left = a, *right = b;

	return left->function < right->function ? -1 : left->function > right->function;
}

/* Whether the text is what the table says. */
static bool as_recorded(const struct ops_site *site, const struct asmrewrite_site *record)
{
	return record->version == ASMREWRITE_ABI_VERSION && record->form == ASMREWRITE_FORM_NOP &&
	       (uintptr_t)site->at % 8 <= 8 - SITE_SIZE && same_bytes(site->at, nop, SITE_SIZE);
}

bool asmrewrite_ops_read(uintptr_t *low, uintptr_t *high)
{
	const struct asmrewrite_site *record;
	size_t found = 0;

	for (record = asmrewrite_sites_begin; record < asmrewrite_sites_end; record++)
		found += record->pass == ASMREWRITE_CALL_OPS;
	if (!found)
		return false;
	long made = sys(SYS_mmap, 0, found * sizeof(struct ops_site), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (failed(made))
		return false;
	asmrewrite_ops_sites = (struct ops_site *)made;
	text_low = UINTPTR_MAX;
	for (record = asmrewrite_sites_begin; record < asmrewrite_sites_end; record++) {
		if (record->pass != ASMREWRITE_CALL_OPS)
			continue;
		struct ops_site *site = &asmrewrite_ops_sites[asmrewrite_ops_count++];

		site->at = (unsigned char *)&record->site + record->site;
		site->function = (unsigned char *)&record->dest + record->dest;
		if (record->slots)
			site->cell = (struct asmrewrite_ops **)((unsigned char *)&record->slots + record->slots);
		site->literal = record->slots != 0;
		literals |= site->literal;
		if (!as_recorded(site, record))
			site->refusal = CODE_OTHER_BYTES;
		if ((uintptr_t)site->at < text_low)
			text_low = (uintptr_t)site->at & -8UL;
		if ((uintptr_t)site->at + SITE_SIZE > text_high)
			text_high = (uintptr_t)site->at + SITE_SIZE;
	}
	qsort(asmrewrite_ops_sites, asmrewrite_ops_count, sizeof(struct ops_site), by_function);
	if (text_low < *low)
		*low = literals ? text_low - 24 : text_low;
	if (text_high > *high)
		*high = text_high;
	return true;
}

struct ops_site *asmrewrite_ops_find(const void *function)
{
	size_t low = 0, high = asmrewrite_ops_count;

	while (low < high) {
		const size_t middle = low + (high - low) / 2;

		if ((const void *)asmrewrite_ops_sites[middle].function < function)
			low = middle + 1;
		else
			high = middle;
	}
	return low < asmrewrite_ops_count && asmrewrite_ops_sites[low].function == function ? &asmrewrite_ops_sites[low] : NULL;
}

/* The array of cells: one for each aligned word of the text. Pages that no function needs are never there. */
static bool make_array(void)
{
	if (asmrewrite_ops_delta)
		return true;
	long made = sys(SYS_mmap, 0, text_high - text_low + 8, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (failed(made))
		return false;
	__atomic_store_n(&asmrewrite_ops_delta, (uintptr_t)made - text_low, __ATOMIC_RELEASE);
	return true;
}

/* pushq $low; movl $high, 4(%rsp); jmp asmrewrite_ops_direct. NULL: there is no room. */
static const unsigned char *trampoline(struct asmrewrite_ops *ops)
{
	const uint64_t address = (uintptr_t)ops;
	unsigned char code[18] = { 0x68, 0, 0, 0, 0, 0xc7, 0x44, 0x24, 0x04, 0, 0, 0, 0, 0xe9 };
	unsigned int i;

	for (i = 0; i < trampolines; i++)
		if (trampoline_of[i] == ops)
			return asmrewrite_arena + i * TRAMPOLINE_SIZE;
	if (i == TRAMPOLINES_SIZE / TRAMPOLINE_SIZE)
		return NULL;
	unsigned char *at = asmrewrite_arena + i * TRAMPOLINE_SIZE;
	const int32_t distance = (int32_t)((unsigned char *)asmrewrite_ops_direct - (at + sizeof(code)));

	copy_bytes(code + 1, &address, 4);
	copy_bytes(code + 9, (const char *)&address + 4, 4);
	copy_bytes(code + 14, &distance, 4);
	asmrewrite_code_put(at, code, sizeof(code));
	if (asmrewrite_code_synchronise() != CODE_OK)
		return NULL;
	trampoline_of[trampolines++] = ops;
	return at;
}

/* What the site calls. */
static const unsigned char *dispatcher(const struct ops_site *site, struct asmrewrite_ops *ops)
{
	const unsigned char *direct = NULL;

	if (ops->flags & ASMREWRITE_OPS_DIRECT && !(ops->flags & OPS_LIST))
		direct = trampoline(ops);
	if (direct)
		return direct;
	if (!site->literal)
		return (const unsigned char *)asmrewrite_ops_entry;
	return ((uintptr_t)site->at & -8UL) - (uintptr_t)site->cell == 8 ? (const unsigned char *)asmrewrite_ops_entry_8 :
									  (const unsigned char *)asmrewrite_ops_entry_16;
}

static void instruction(const struct ops_site *site, unsigned char *bytes)
{
	const int32_t distance = site->calls ? (int32_t)(site->calls - (site->at + SITE_SIZE)) : 0;

	copy_bytes(bytes, nop, SITE_SIZE);
	if (!site->calls)
		return;
	bytes[0] = 0xe8;
	copy_bytes(bytes + 1, &distance, 4);
}

static bool write_cell(struct ops_site *site, struct asmrewrite_ops *ops)
{
	struct asmrewrite_ops *const before = site->cell ? *site->cell : NULL;

	if (site->literal) {
		site->ops = ops;	/* what asmrewrite_ops_restore() writes, should the code have to move */
		site->refusal = (uint8_t)asmrewrite_code_replace(site->cell, &before, &ops, 8);
		if (site->refusal != CODE_OK)
			site->ops = before;
		return site->refusal == CODE_OK;
	}
	site->cell = (struct asmrewrite_ops **)(((uintptr_t)site->at & -8UL) + asmrewrite_ops_delta);
	__atomic_store_n(site->cell, ops, __ATOMIC_RELEASE);
	return true;
}

static bool write_site(struct ops_site *site, const unsigned char *calls)
{
	const unsigned char *was = site->calls;
	unsigned char before[SITE_SIZE], after[SITE_SIZE];

	if (calls == was)
		return true;
	instruction(site, before);
	site->calls = calls;
	instruction(site, after);
	site->refusal = (uint8_t)asmrewrite_code_replace(site->at, before, after, SITE_SIZE);
	if (site->refusal == CODE_OK)
		on += (calls != NULL) - (was != NULL);
	else
		site->calls = was;
	return site->refusal == CODE_OK;
}

long asmrewrite_ops_put(struct ops_site *site, struct asmrewrite_ops *ops)
{
	if (site->refusal != CODE_OK)
		return ASMREWRITE_OPS_REFUSED;
	if (!site->literal && ops && !make_array())
		return ASMREWRITE_OPS_NO_MEMORY;
	const bool written = ops ? write_cell(site, ops) && write_site(site, dispatcher(site, ops)) :
				   write_site(site, NULL) && (!site->ops || write_cell(site, NULL));

	if (!written)
		return ASMREWRITE_OPS_REFUSED;
	site->ops = ops;
	return 1;
}

/* The list of `count` ops, made once for each different one; they themselves when there are fewer than two. */
static struct asmrewrite_ops *listed(struct asmrewrite_ops *const *members, size_t count)
{
	struct ops_list *list;
	const size_t size = sizeof(*list) + count * sizeof(*members);

	if (count < 2)
		return count ? members[0] : NULL;
	for (list = lists; list; list = list->next)
		if (list->count == count && same_bytes(list->members, members, count * sizeof(*members)))
			return &list->head;
	long made = sys(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (failed(made))
		return NULL;
	list = (struct ops_list *)made;
	list->head.flags = OPS_LIST;
	list->count = count;
	copy_bytes(list->members, members, count * sizeof(*members));
	list->next = lists;
	lists = list;
	return &list->head;
}

/* `site` with `ops` at the end of its list, or without it. */
static long change(struct ops_site *site, struct asmrewrite_ops *ops, bool add)
{
	struct asmrewrite_ops *members[OPS_MAX], *result;
	struct ops_list *list = site->ops && site->ops->flags & OPS_LIST ? (struct ops_list *)site->ops : NULL;
	struct asmrewrite_ops *const *present = list ? list->members : &site->ops;
	const size_t number = list ? list->count : site->ops != NULL;
	size_t count = 0;

	for (size_t i = 0; i < number; i++)
		if (present[i] != ops)
			members[count++] = present[i];
	if (add && count == OPS_MAX)
		return ASMREWRITE_OPS_NO_MEMORY;
	if (add && count == number)
		members[count++] = ops;
	else if (add)
		return 1;
	result = listed(members, count);
	return count && !result ? ASMREWRITE_OPS_NO_MEMORY : asmrewrite_ops_put(site, result);
}

long asmrewrite_ops_usable(const struct asmrewrite_ops *ops)
{
	if (!ops)
		return 0;
	if ((!ops->func && !ops->exit) || ops->flags & ~(ASMREWRITE_OPS_VECTORS | ASMREWRITE_OPS_DIRECT))
		return ASMREWRITE_OPS_INVALID;
	if (ops->exit && asmrewrite_shadow_stack())
		return ASMREWRITE_OPS_SHADOW_STACK;
	if (ops->flags & ASMREWRITE_OPS_VECTORS)
		asmrewrite_ops_measure();
	return 0;
}

static long all(const void *const *functions, size_t count, struct asmrewrite_ops *ops, enum order order)
{
	long done = 0, error = asmrewrite_ops_usable(ops);

	if (error < 0)
		return error;
	if (asmrewrite_code_lock(true) != CODE_OK)
		return asmrewrite_ops_count ? ASMREWRITE_OPS_REFUSED : ASMREWRITE_OPS_NO_SITE;
	for (size_t i = 0; i < count; i++) {
		struct ops_site *site = asmrewrite_ops_find(functions[i]);
		const long made = !site ? ASMREWRITE_OPS_NO_SITE :
				  order == OPS_SET ? asmrewrite_ops_put(site, ops) : change(site, ops, order == OPS_ADD);

		if (made < 0 && !error)
			error = made;
		done += made > 0;
	}
	asmrewrite_code_synchronise();
	asmrewrite_code_unlock();
	return error ? error : done;
}

long asmrewrite_ops_set_all(const void *const *functions, size_t count, struct asmrewrite_ops *ops)
{
	return all(functions, count, ops, OPS_SET);
}

long asmrewrite_ops_add_all(const void *const *functions, size_t count, struct asmrewrite_ops *ops)
{
	return ops ? all(functions, count, ops, OPS_ADD) : ASMREWRITE_OPS_INVALID;
}

long asmrewrite_ops_remove_all(const void *const *functions, size_t count, struct asmrewrite_ops *ops)
{
	return ops ? all(functions, count, ops, OPS_REMOVE) : ASMREWRITE_OPS_INVALID;
}

/* In the new memory file: sites and literals as this process has them. */
void asmrewrite_ops_restore(void)
{
	unsigned char bytes[SITE_SIZE];

	for (size_t i = 0; i < asmrewrite_ops_count; i++) {
		const struct ops_site *site = &asmrewrite_ops_sites[i];

		if (site->refusal != CODE_OK)
			continue;
		instruction(site, bytes);
		asmrewrite_code_put(site->at, bytes, SITE_SIZE);
		if (site->literal)
			asmrewrite_code_put(site->cell, &site->ops, 8);
	}
}

/* In a child: it must not follow what its parent sets from now on. Sites that come on find an empty cell of the array. */
void asmrewrite_ops_forked(void)
{
	if (on || literals)
		asmrewrite_code_own();
}

/* The module goes, or the program ends: what is on calls nothing any more. Other threads may be running still. */
void asmrewrite_ops_stop(void)
{
	if (!on || asmrewrite_code_lock(true) != CODE_OK)
		return;
	for (size_t i = 0; i < asmrewrite_ops_count; i++)
		if (asmrewrite_ops_sites[i].calls)
			asmrewrite_ops_put(&asmrewrite_ops_sites[i], NULL);
	asmrewrite_code_unlock();
	if (asmrewrite_ops_delta)
		sys(SYS_madvise, asmrewrite_ops_delta + text_low, text_high - text_low + 8, MADV_DONTNEED);
}
