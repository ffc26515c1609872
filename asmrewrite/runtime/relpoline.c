/* relpoline.c - what a site learns, and when: the policy.
 *
 * Every site starts with a learning stub, which counts (target, calls) in a table of its thread. After WINDOW calls
 * the thread that made the last of them decides: the frequent targets become the entries of a new chain, by rank, and
 * one store leads the site there. The chain counts down its misses, one counter a thread; each MISSES_A_SAMPLE-th is
 * looked at, and a site that has been met `patience` times so learns again, its old counts halved. Patience doubles
 * each time, so that a site without favourites costs less and less.
 *
 * There is no thread, no timer and no signal: all work is done by the calls that make it worth doing.
 */
#define _GNU_SOURCE
#include "sites.h"

#include <sys/mman.h>

#include "learn.h"
#include "system.h"

#define WINDOW		512	/* calls that a site learns from at first, */
#define WINDOW_AGAIN	2048	/* and when it learns again */
#define WINDOW_RETRY	64	/* more calls when another thread was patching */
#define PATIENCE	4
#define PATIENCE_MAX	4096
#define SHARE		64	/* a target with less than one call in so many gets no entry */
#define TABLES		16	/* threads beyond share one; a count may be lost then, and nothing else */
#define GATHER		32	/* different targets of a site, of all threads, that are ranked */

struct site *asmrewrite_relpolines;
size_t asmrewrite_relpoline_count;
bool asmrewrite_only_count;

__thread struct thread asmrewrite_thread = { .misses = MISSES_A_SAMPLE };

static struct row *tables[TABLES];
static unsigned int tables_used;

static size_t table_size(void)
{
	return asmrewrite_relpoline_count * sizeof(struct row);
}

static struct row *own_table(void)
{
	unsigned int mine = __atomic_fetch_add(&tables_used, 1, __ATOMIC_RELAXED) % TABLES;
	struct row *table = __atomic_load_n(&tables[mine], __ATOMIC_ACQUIRE);

	if (table)
		return table;
	long made = sys(SYS_mmap, 0, table_size(), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (failed(made))
		return NULL;
	if (asmrewrite_only_count)	/* a child counts its own calls only */
		sys(SYS_madvise, made, table_size(), MADV_WIPEONFORK);
	struct row *expected = NULL;

	if (__atomic_compare_exchange_n(&tables[mine], &expected, (struct row *)made, false, __ATOMIC_ACQ_REL,
					__ATOMIC_ACQUIRE))
		return (struct row *)made;
	sys(SYS_munmap, made, table_size());
	return expected;
}

void asmrewrite_relpoline_forget(void)
{
	/* Not unmapped: when the process ends, another thread may be counting still. */
	for (unsigned int t = 0; t < TABLES; t++)
		if (tables[t])
			sys(SYS_madvise, tables[t], table_size(), MADV_DONTNEED);
}

static const unsigned char *destination(const unsigned char *at)
{
	int32_t distance;

	copy_bytes(&distance, at + 1, 4);
	return at + 5 + distance;
}

/* Whether the text is what the table says: a call or jump to a chain that ends in a jump. */
static bool as_recorded(struct site *site, const struct asmrewrite_site *record)
{
	const unsigned char *end = site->compiled + 13 * record->chain;

	if (record->version != ASMREWRITE_ABI_VERSION || record->reg > 15 || record->form > ASMREWRITE_FORM_JMP)
		return false;
	if (site->at[0] != (record->form == ASMREWRITE_FORM_CALL ? 0xe8 : 0xe9) || destination(site->at) != site->compiled)
		return false;
	site->slow = destination(end);
	return end[0] == 0xe9;
}

bool asmrewrite_relpoline_read(uintptr_t *low, uintptr_t *high)
{
	const struct asmrewrite_site *record;
	size_t count = 0;

	for (record = asmrewrite_sites_begin; record < asmrewrite_sites_end; record++)
		count += record->pass == ASMREWRITE_RELPOLINE;
	if (!count)
		return false;
	long made = sys(SYS_mmap, 0, count * sizeof(struct site), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (failed(made))
		return false;
	asmrewrite_relpolines = (struct site *)made;
	for (record = asmrewrite_sites_begin; record < asmrewrite_sites_end; record++) {
		if (record->pass != ASMREWRITE_RELPOLINE)
			continue;
		struct site *site = &asmrewrite_relpolines[asmrewrite_relpoline_count++];

		site->at = (unsigned char *)&record->site + record->site;
		site->compiled = site->stub = (unsigned char *)&record->dest + record->dest;
		site->reg = record->reg;
		site->patience = PATIENCE;
		site->state = SITE_LEARNING;
		if (!as_recorded(site, record)) {
			site->state = SITE_REFUSED;
			site->refusal = CODE_OTHER_BYTES;
		}
		if ((uintptr_t)site->at < *low)
			*low = (uintptr_t)site->at;
		if ((uintptr_t)site->at + 5 > *high)
			*high = (uintptr_t)site->at + 5;
	}
	/* A program that confines itself later may have no more memory for the asking. */
	asmrewrite_thread.rows = own_table();
	return true;
}

static struct stub_plan plan_of(const struct site *site)
{
	return (struct stub_plan){
		.number = (uint32_t)(site - asmrewrite_relpolines), .reg = site->reg, .slow = site->slow,
	};
}

static void refuse(struct site *site, enum code_refusal refusal)
{
	site->state = SITE_REFUSED;
	site->refusal = (uint8_t)refusal;
}

void asmrewrite_relpoline_restore(void)
{
	for (size_t i = 0; i < asmrewrite_relpoline_count; i++) {
		struct site *site = &asmrewrite_relpolines[i];

		if (site->state == SITE_LEARNING && !site->learning) {
			struct stub_plan plan = plan_of(site);

			site->learning = asmrewrite_learning_stub(&plan);
			if (site->learning)
				site->stub = site->learning;
			else
				refuse(site, CODE_SPENT);
		}
		if (site->state != SITE_REFUSED) {
			int32_t distance = (int32_t)(site->stub - (site->at + 5));

			asmrewrite_code_put(site->at + 1, &distance, 4);
		}
	}
}

/* Lead `site` to `stub`, which no thread has to be told of. */
static bool lead(struct site *site, unsigned char *stub)
{
	int32_t before = (int32_t)(site->stub - (site->at + 5)), after = (int32_t)(stub - (site->at + 5));
	unsigned char *old = site->stub;

	site->stub = stub;	/* before the store: a child that is forked now must find the new one */
	enum code_refusal refusal = asmrewrite_code_replace(site->at + 1, &before, &after, 4);

	if (refusal == CODE_OK)
		return true;
	site->stub = old;
	refuse(site, refusal);
	return false;
}

unsigned int asmrewrite_relpoline_targets(const struct site *site, uint64_t *targets, uint64_t *counts,
					  unsigned int room)
{
	const size_t number = (size_t)(site - asmrewrite_relpolines);
	unsigned int found = 0;

	for (unsigned int t = 0; t < TABLES; t++) {
		if (!tables[t])
			continue;
		const struct row *row = &tables[t][number];

		for (unsigned int i = 0; i < ROW_TARGETS && row->targets[i]; i++) {
			unsigned int at = 0;

			while (at < found && targets[at] != row->targets[i])
				at++;
			if (at == room)
				continue;
			if (at == found) {
				targets[found] = row->targets[i];
				counts[found++] = 0;
			}
			counts[at] += row->counts[i];
		}
	}
	/* By rank; they are few. */
	for (unsigned int i = 1; i < found; i++) {
		const uint64_t target = targets[i], count = counts[i];
		unsigned int at = i;

		for (; at && counts[at - 1] < count; at--) {
			targets[at] = targets[at - 1];
			counts[at] = counts[at - 1];
		}
		targets[at] = target;
		counts[at] = count;
	}
	return found;
}

uint64_t asmrewrite_relpoline_others(const struct site *site)
{
	uint64_t others = 0;

	for (unsigned int t = 0; t < TABLES; t++)
		if (tables[t])
			others += tables[t][site - asmrewrite_relpolines].others;
	return others;
}

/* Begin another window; what was counted weighs half, or nothing. */
static void begin(const struct site *site, bool forget)
{
	for (unsigned int t = 0; t < TABLES; t++) {
		if (!tables[t])
			continue;
		struct row *row = &tables[t][site - asmrewrite_relpolines];
		unsigned int kept = 0;

		for (unsigned int i = 0; i < ROW_TARGETS; i++) {
			const uint32_t half = forget ? 0 : row->counts[i] / 2;

			if (half) {
				row->targets[kept] = row->targets[i];
				row->counts[kept++] = half;
			}
		}
		for (; kept < ROW_TARGETS; kept++)
			row->targets[kept] = row->counts[kept] = 0;
		row->others = 0;
		row->left = WINDOW_AGAIN;
	}
}

/* The targets of `site` that are worth an entry. */
static unsigned int ranked(struct site *site, uint64_t *worth)
{
	uint64_t targets[GATHER], counts[GATHER], total = 0;
	unsigned int found = asmrewrite_relpoline_targets(site, targets, counts, GATHER), entries = 0;

	for (unsigned int i = 0; i < found; i++)
		total += counts[i];
	site->calls += total;
	for (unsigned int t = 0; t < TABLES; t++)
		if (tables[t])
			total += tables[t][site - asmrewrite_relpolines].others;
	for (unsigned int i = 0; i < found && entries < CHAIN_MAX && counts[i] * SHARE >= total; i++) {
		if (asmrewrite_reaches(asmrewrite_arena, targets[i]))
			worth[entries++] = targets[i];
		else
			site->far = true;
	}
	return entries;
}

bool asmrewrite_relpoline_compiled(struct site *site, enum site_state state)
{
	site->state = (uint8_t)state;
	return lead(site, site->compiled);
}

/* A chain of exactly these entries: made before, or made now. */
static const struct chain *chain_of(struct site *site, const uint64_t *targets, unsigned int count)
{
	const struct stub_plan plan = plan_of(site);
	const struct chain *chain;

	for (chain = site->chains; chain; chain = chain->previous)
		if (chain->entries == count && same_bytes(chain->targets, targets, count * sizeof(*targets)))
			return chain;
	chain = asmrewrite_make_chain(&plan, site->chains, targets, count);
	if (!chain || asmrewrite_code_synchronise() != CODE_OK)
		return NULL;
	site->chains = chain;
	return chain;
}

bool asmrewrite_relpoline_chain(struct site *site, const uint64_t *targets, unsigned int count, enum site_state state)
{
	for (unsigned int i = 0; i < count; i++)
		if (!asmrewrite_reaches(asmrewrite_arena, targets[i]))
			return false;
	const struct chain *chain = chain_of(site, targets, count);

	if (!chain)
		return false;
	site->state = (uint8_t)state;
	site->chain = chain;
	site->samples = 0;
	return lead(site, chain_code(chain));
}

bool asmrewrite_relpoline_learn(struct site *site, bool forget)
{
	if (!site->learning)
		return false;
	begin(site, forget);
	site->state = SITE_LEARNING;
	return lead(site, site->learning);
}

/* Give `site` what it has earned. */
static void decide(struct site *site)
{
	uint64_t targets[CHAIN_MAX];
	const unsigned int count = ranked(site, targets);

	site->learned++;
	/* Without any entry too: an empty chain counts its misses, and so learns again some day. */
	if (asmrewrite_relpoline_chain(site, targets, count, SITE_CHAIN))
		return;
	if (site->chain) {	/* no new chain is to be had: the last one is better than none */
		site->state = SITE_CHAIN;
		lead(site, chain_code(site->chain));
	} else {
		asmrewrite_relpoline_compiled(site, SITE_COMPILED);
	}
}

/* What asmrewrite_count would have done, had the row been ready. */
static void count(struct row *row, uint64_t target)
{
	for (unsigned int i = 0; i < ROW_TARGETS; i++) {
		if (!row->targets[i])
			row->targets[i] = target;
		if (row->targets[i] == target) {
			row->counts[i]++;
			return;
		}
	}
	row->others++;
}

void asmrewrite_decide(uint32_t number, uint64_t target)
{
	struct thread *me = &asmrewrite_thread;
	struct site *site = &asmrewrite_relpolines[number];

	if (!me->rows)
		me->rows = own_table();
	if (!me->rows)
		return;
	struct row *row = &me->rows[number];

	if (asmrewrite_only_count) {
		row->left = INT32_MAX;
		count(row, target);
	} else if (!row->targets[0] && !row->others) {
		row->left = site->learned ? WINDOW_AGAIN : WINDOW;	/* this thread's first call here */
	} else {
		const enum code_refusal refusal = asmrewrite_code_lock(false);

		row->left = refusal == CODE_OK || refusal == CODE_BUSY ? WINDOW_RETRY : INT32_MAX;
		if (refusal != CODE_OK)
			return;
		if (site->state == SITE_LEARNING)
			decide(site);
		asmrewrite_code_unlock();
	}
}

void asmrewrite_sample(uint32_t number)
{
	struct site *site = &asmrewrite_relpolines[number];

	asmrewrite_thread.misses = MISSES_A_SAMPLE;
	site->missed++;
	if (++site->samples < site->patience || site->state != SITE_CHAIN || asmrewrite_code_lock(false) != CODE_OK)
		return;
	if (site->state == SITE_CHAIN) {
		if (site->patience < PATIENCE_MAX)
			site->patience *= 2;
		asmrewrite_relpoline_learn(site, false);
	}
	asmrewrite_code_unlock();
}
