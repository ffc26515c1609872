/* asmrewrite/relpoline.h - the learning of this module's relpolines, from inside the program.
 *
 * A module is a program or a shared object; each has its own runtime, and these functions speak of the one that they
 * are linked into. All of them may be called from any thread while others run through the sites, but not from a
 * signal handler. In a program without the runtime they are absent (NULL): the ASMREWRITE_HAS_RUNTIME test.
 */
#ifndef ASMREWRITE_RELPOLINE_H
#define ASMREWRITE_RELPOLINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ASMREWRITE_TARGETS_MAX	8

/* What a site does at present. */
enum asmrewrite_relpoline_state {
	ASMREWRITE_SITE_COMPILED,	/* its compiled stub: learning told nothing, or was stopped */
	ASMREWRITE_SITE_LEARNING,	/* counts */
	ASMREWRITE_SITE_CHAIN,		/* a chain made for what it called */
	ASMREWRITE_SITE_PINNED,		/* a chain by order */
	ASMREWRITE_SITE_EXCLUDED,	/* its compiled stub, by order */
	ASMREWRITE_SITE_REFUSED,	/* cannot be patched; `reason` says why */
};

/* One site. */
struct asmrewrite_relpoline {
	const void *site;		/* the instruction */
	const char *reason;		/* why it is refused, or why a target has no entry; "" otherwise */
	const void *targets[ASMREWRITE_TARGETS_MAX]; /* of the chain, in its order */
	uint64_t calls;			/* counted while learning, of all windows */
	uint64_t misses;		/* of the chain, about: one in 1,000 is seen */
	uint32_t learned;		/* how many times it learned */
	uint8_t entries;		/* of `targets` */
	uint8_t state;			/* enum asmrewrite_relpoline_state */
	uint8_t reg;			/* hardware number of the register with the target */
	uint8_t form;			/* enum asmrewrite_form (abi.h) */
};

#define ASMREWRITE_API	__attribute__((weak, visibility("hidden")))
#define ASMREWRITE_HAS_RUNTIME	(asmrewrite_relpoline_sites != 0)

/* The sites, at most `room` of them, into `sites`; returns how many there are. */
extern size_t asmrewrite_relpoline_sites(struct asmrewrite_relpoline *sites, size_t room) ASMREWRITE_API;

/* Let every site that is not pinned or excluded learn from now on. 0, or -1 when code cannot be written here. */
extern int asmrewrite_relpoline_start(void) ASMREWRITE_API;
/* Back to the compiled stubs. */
extern int asmrewrite_relpoline_stop(void) ASMREWRITE_API;
/* Forget what was counted and learn anew. */
extern int asmrewrite_relpoline_retrain(void) ASMREWRITE_API;

/*
 * Give the site at `site` (a `site` of asmrewrite_relpoline_sites()) these targets for good, or none at all. -1 when
 * there is no such site, when it cannot be patched, or when a target is further than 2 GiB.
 */
extern int asmrewrite_relpoline_pin(const void *site, const void *const *targets, size_t count) ASMREWRITE_API;
extern int asmrewrite_relpoline_exclude(const void *site) ASMREWRITE_API;
/* Let a site that was pinned or excluded learn again. */
extern int asmrewrite_relpoline_release(const void *site) ASMREWRITE_API;

/*
 * Append what this module's sites have called to the file `path` (%p in it is the number of the process), as with
 * ASMREWRITE_PROFILE at exit (docs/profiles.md). 0, or -1 and errno.
 */
extern int asmrewrite_profile_write(const char *path) ASMREWRITE_API;

#ifdef __cplusplus
}
#endif

#endif
