/* ops.c - the entry sites of this module's functions, and what is set on each (include/asmrewrite/ops.h).
 *
 * A site that is off is a nop, or the function's own first push. One that is on calls the dispatcher (ops_entry.S), which
 * finds the ops in the function's cell: the eight bytes before the function, or a word of an array that is parallel to
 * the text. Off, the site is written first and the cell then: who is on the way to it finds the old ops or none.
 */
#define _GNU_SOURCE
#include "ops.h"

#include <sys/mman.h>

#include "asmrewrite/abi.h"
#include "code.h"
#include "ops_sites.h"
#include "system.h"

static size_t on;			/* sites that are */
static bool used;			/* one has been */
static struct ops_list *lists;
static unsigned int trampolines;
static struct {
	struct asmrewrite_ops *ops;
	uint8_t reg;
} trampoline_of[TRAMPOLINES_SIZE / TRAMPOLINE_SIZE];

/* The entry for sites that push `reg`. */
static const unsigned char *entry(const unsigned char *entries, uint8_t reg)
{
	return entries + ENTRY_SIZE * (reg == ASMREWRITE_NO_REGISTER ? ENTRY_OF_NOP : reg);
}

/* What an entry does (ops_entry.S), with the ops behind it. NULL: there is no room. */
static const unsigned char *trampoline(struct asmrewrite_ops *ops, uint8_t reg)
{
	unsigned char code[TRAMPOLINE_OPS + 8] = { 0xe8 };
	unsigned int i;

	for (i = 0; i < trampolines; i++)
		if (trampoline_of[i].ops == ops && trampoline_of[i].reg == reg)
			return asmrewrite_arena + i * TRAMPOLINE_SIZE;
	if (i == TRAMPOLINES_SIZE / TRAMPOLINE_SIZE)
		return NULL;
	unsigned char *at = asmrewrite_arena + i * TRAMPOLINE_SIZE;
	const int32_t distance = (int32_t)(asmrewrite_ops_direct - (at + SITE_SIZE));

	copy_bytes(code + 1, &distance, 4);
	copy_bytes(code + SITE_SIZE, entry(asmrewrite_ops_entry, reg) + SITE_SIZE, ENTRY_SIZE - SITE_SIZE);
	copy_bytes(code + TRAMPOLINE_OPS, &ops, 8);
	asmrewrite_code_put(at, code, sizeof(code));
	if (asmrewrite_code_synchronise() != CODE_OK)
		return NULL;
	trampoline_of[trampolines].ops = ops;
	trampoline_of[trampolines++].reg = reg;
	return at;
}

/* What the site calls. */
static const unsigned char *dispatcher(const struct ops_site *site, struct asmrewrite_ops *ops)
{
	const unsigned char *direct = NULL;

	if (ops->flags & ASMREWRITE_OPS_DIRECT && !(ops->flags & OPS_LIST))
		direct = trampoline(ops, site->reg);
	if (direct)
		return direct;
	if (!site->literal)
		return entry(asmrewrite_ops_entry, site->reg);
	return entry(((uintptr_t)site->at & -8UL) - (uintptr_t)site->cell == 8 ? asmrewrite_ops_entry_8 : asmrewrite_ops_entry_16,
		     site->reg);
}

static void instruction(const struct ops_site *site, unsigned char *bytes)
{
	const int32_t distance = site->calls ? (int32_t)(site->calls - (site->at + SITE_SIZE)) : 0;

	asmrewrite_ops_off(site->reg, bytes);
	if (!site->calls)
		return;
	bytes[0] = 0xe8;
	copy_bytes(bytes + 1, &distance, 4);
}

static bool write_cell(struct ops_site *site, struct asmrewrite_ops *ops)
{
	struct asmrewrite_ops *const before = *site->cell;

	if (site->literal) {
		site->ops = ops;	/* what asmrewrite_ops_restore() writes, should the code have to move */
		site->refusal = (uint8_t)asmrewrite_code_replace(site->cell, &before, &ops, 8);
		if (site->refusal != CODE_OK)
			site->ops = before;
		return site->refusal == CODE_OK;
	}
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
	if (!site->cell)
		return ASMREWRITE_OPS_NO_MEMORY;
	used = true;
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
	if (!asmrewrite_ops_known())
		return ASMREWRITE_OPS_NO_SITE;
	if (asmrewrite_code_lock(true) != CODE_OK)
		return ASMREWRITE_OPS_REFUSED;
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

/* Before a fork: a child must know what its sites and literals are, and not find what its parent has made of them. */
void asmrewrite_ops_forking(void)
{
	asmrewrite_ops_known();
}

/* In a child: it must not follow what its parent sets from now on. Sites that come on find an empty cell of the array. */
void asmrewrite_ops_forked(void)
{
	used = true;
	if (on || asmrewrite_ops_literals)
		asmrewrite_code_own();
}

/* The module goes, or the program ends: what is on calls nothing any more. Other threads may be running still. */
void asmrewrite_ops_stop(void)
{
	if (on) {
		if (asmrewrite_code_lock(true) != CODE_OK)
			return;
		for (size_t i = 0; i < asmrewrite_ops_count; i++)
			if (asmrewrite_ops_sites[i].calls)
				asmrewrite_ops_put(&asmrewrite_ops_sites[i], NULL);
		asmrewrite_code_unlock();
	}
	asmrewrite_ops_empty(used);
}
