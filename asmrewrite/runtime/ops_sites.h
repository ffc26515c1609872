/* ops_sites.h - the entry sites of this module. */
#ifndef ASMREWRITE_OPS_SITES_H
#define ASMREWRITE_OPS_SITES_H

#include "ops.h"

/* How many ops one function may have. */
#define OPS_MAX		16

enum order { OPS_SET, OPS_ADD, OPS_REMOVE };

struct ops_site {
	unsigned char *at;	/* the instruction */
	unsigned char *function;
	struct asmrewrite_ops **cell; /* NULL before it is first set, for one in the array */
	struct asmrewrite_ops *ops; /* what is set */
	const unsigned char *calls; /* what the instruction calls, NULL for a nop */
	uint8_t refusal;
	bool literal;		/* the cell is in the text */
};

/* By function. */
extern struct ops_site *asmrewrite_ops_sites;
extern size_t asmrewrite_ops_count;

/* The site of `function`; NULL for none. */
struct ops_site *asmrewrite_ops_find(const void *function);
/* Under the lock: set `ops` there, NULL for off. 1, or an error. */
long asmrewrite_ops_put(struct ops_site *site, struct asmrewrite_ops *ops);
/* Whether `ops` can be set at all: 0 or an error. */
long asmrewrite_ops_usable(const struct asmrewrite_ops *ops);

#endif
