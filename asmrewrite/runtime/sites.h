/* sites.h - the relpoline sites of this module and what has become of each. */
#ifndef ASMREWRITE_SITES_H
#define ASMREWRITE_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "asmrewrite/abi.h"
#include "code.h"
#include "stubs.h"

enum site_state {
	SITE_COMPILED,		/* runs its compiled stub: learning told nothing, or has been stopped */
	SITE_LEARNING,
	SITE_CHAIN,		/* runs a chain that was made for what it called */
	SITE_PINNED,		/* the same, by order */
	SITE_EXCLUDED,		/* the compiled stub, by order */
	SITE_REFUSED,		/* cannot be patched; `refusal` says why */
};

struct site {
	unsigned char *at;	/* the instruction */
	unsigned char *compiled; /* its stub in the text */
	unsigned char *learning; /* its learning stub, made once */
	unsigned char *stub;	/* where it leads now */
	const unsigned char *slow;
	const struct chain *chain; /* that it runs, or ran last */
	const struct chain *chains; /* all that were made for it, the newest first */
	uint64_t calls;		/* counted while learning */
	uint32_t missed;	/* misses looked at, in all, */
	uint16_t samples;	/* and since the chain was made */
	uint16_t patience;	/* how many start a relearning */
	uint16_t learned;	/* how often */
	uint8_t reg;
	uint8_t state;
	uint8_t refusal;
	bool far;		/* a frequent target was out of reach */
};

static inline bool runs_chain(const struct site *site)
{
	return site->state == SITE_CHAIN || site->state == SITE_PINNED;
}

extern struct site *asmrewrite_relpolines;
extern size_t asmrewrite_relpoline_count;

/* Read the table and check it against the text; the range of the text that it names. false: there are no sites. */
bool asmrewrite_relpoline_read(uintptr_t *low, uintptr_t *high);
/* In the new memory file: make what stubs are missing and put every site. */
void asmrewrite_relpoline_restore(void);

/* Give the memory of the counters back. */
void asmrewrite_relpoline_forget(void);

/* All under the lock; false when the site could not be led there, and is refused from now on. */
bool asmrewrite_relpoline_learn(struct site *site, bool forget);
bool asmrewrite_relpoline_compiled(struct site *site, enum site_state state);
bool asmrewrite_relpoline_chain(struct site *site, const uint64_t *targets, unsigned int count, enum site_state state);

/* Calls of `site` for each target, over all threads; returns how many targets there are (at most `room`). */
unsigned int asmrewrite_relpoline_targets(const struct site *site, uint64_t *targets, uint64_t *counts,
					  unsigned int room);

/* Its calls of targets that found no place in a row. */
uint64_t asmrewrite_relpoline_others(const struct site *site);

/* Count all calls and decide nothing: for a profile. */
extern bool asmrewrite_only_count;

#endif
