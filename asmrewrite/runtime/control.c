/* control.c - see asmrewrite/relpoline.h */
#define _GNU_SOURCE
#include "asmrewrite/relpoline.h"

#include "learn.h"
#include "sites.h"

_Static_assert(ASMREWRITE_TARGETS_MAX == CHAIN_MAX, "the header's number of targets");
_Static_assert(ASMREWRITE_SITE_REFUSED == (int)SITE_REFUSED, "the header's states");

static struct site *find(const void *at)
{
	for (size_t i = 0; i < asmrewrite_relpoline_count; i++)
		if (asmrewrite_relpolines[i].at == at)
			return &asmrewrite_relpolines[i];
	return NULL;
}

size_t asmrewrite_relpoline_sites(struct asmrewrite_relpoline *sites, size_t room)
{
	for (size_t i = 0; i < asmrewrite_relpoline_count && i < room; i++) {
		const struct site *site = &asmrewrite_relpolines[i];

		sites[i] = (struct asmrewrite_relpoline){
			.site = site->at,
			.reason = site->state == SITE_REFUSED ? asmrewrite_code_words(site->refusal) :
				  site->far ? "a target is further than 2 GiB" : "",
			.calls = site->calls,
			.misses = (uint64_t)site->missed * MISSES_A_SAMPLE,
			.learned = site->learned,
			.entries = runs_chain(site) ? (uint8_t)site->chain->entries : 0,
			.state = site->state,
			.reg = site->reg,
			.form = site->at[0] == 0xe9 ? ASMREWRITE_FORM_JMP : ASMREWRITE_FORM_CALL,
		};
		for (unsigned int entry = 0; entry < sites[i].entries; entry++)
			sites[i].targets[entry] = (const void *)site->chain->targets[entry];
	}
	return asmrewrite_relpoline_count;
}

static int learn_all(bool forget)
{
	if (asmrewrite_code_lock(true) != CODE_OK)
		return -1;
	for (size_t i = 0; i < asmrewrite_relpoline_count; i++) {
		struct site *site = &asmrewrite_relpolines[i];

		if (site->state == SITE_COMPILED || (forget && site->state <= SITE_CHAIN))
			asmrewrite_relpoline_learn(site, forget);
	}
	asmrewrite_code_unlock();
	return 0;
}

int asmrewrite_relpoline_start(void)
{
	return learn_all(false);
}

int asmrewrite_relpoline_retrain(void)
{
	return learn_all(true);
}

int asmrewrite_relpoline_stop(void)
{
	if (asmrewrite_code_lock(true) != CODE_OK)
		return -1;
	for (size_t i = 0; i < asmrewrite_relpoline_count; i++)
		if (asmrewrite_relpolines[i].state <= SITE_CHAIN)
			asmrewrite_relpoline_compiled(&asmrewrite_relpolines[i], SITE_COMPILED);
	asmrewrite_code_unlock();
	return 0;
}

int asmrewrite_relpoline_pin(const void *at, const void *const *targets, size_t count)
{
	struct site *site = find(at);
	int done = -1;

	if (!site || !count || count > CHAIN_MAX || asmrewrite_code_lock(true) != CODE_OK)
		return -1;
	if (site->state != SITE_REFUSED)
		done = asmrewrite_relpoline_chain(site, (const uint64_t *)targets, (unsigned int)count, SITE_PINNED) ? 0 : -1;
	asmrewrite_code_unlock();
	return done;
}

/* Do as ordered with the site at `at`. */
static int order(const void *at, enum site_state state)
{
	struct site *site = find(at);
	bool done = false;

	if (!site || asmrewrite_code_lock(true) != CODE_OK)
		return -1;
	if (site->state != SITE_REFUSED)
		done = state == SITE_LEARNING ? asmrewrite_relpoline_learn(site, true) :
						asmrewrite_relpoline_compiled(site, state);
	asmrewrite_code_unlock();
	return done ? 0 : -1;
}

int asmrewrite_relpoline_exclude(const void *at)
{
	return order(at, SITE_EXCLUDED);
}

int asmrewrite_relpoline_release(const void *at)
{
	return order(at, SITE_LEARNING);
}
