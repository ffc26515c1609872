/* ops_sites.h - the entry sites of this module. */
#ifndef ASMREWRITE_OPS_SITES_H
#define ASMREWRITE_OPS_SITES_H

#include "ops.h"

#define SITE_SIZE	5
/* How many ops one function may have. */
#define OPS_MAX		16

enum order { OPS_SET, OPS_ADD, OPS_REMOVE };

struct ops_site {
	unsigned char *at;	/* the instruction */
	unsigned char *function;
	struct asmrewrite_ops **cell; /* NULL when there is no array */
	struct asmrewrite_ops *ops; /* what is set */
	const unsigned char *calls; /* what the instruction calls, NULL when it is off */
	uint8_t reg;		/* what it pushes when it is off; ASMREWRITE_NO_REGISTER for a nop */
	uint8_t refusal;
	bool literal;		/* the cell is in the text */
};

/* By function; none before asmrewrite_ops_known(). */
extern struct ops_site *asmrewrite_ops_sites;
extern size_t asmrewrite_ops_count;
extern bool asmrewrite_ops_literals; /* some cells are in the text */

/* How many sites there are. The first call reads the table; it may call libc. */
size_t asmrewrite_ops_known(void);
/* The site of `function`; NULL for none. */
struct ops_site *asmrewrite_ops_find(const void *function);
/* The five bytes of a site that is off. */
void asmrewrite_ops_off(uint8_t reg, unsigned char *bytes);
/* The module goes: no cell is wanted any more, and unless a site was ever on no thread can be on its way to one. */
void asmrewrite_ops_empty(bool used);
/* Under the lock: set `ops` there, NULL for off. 1, or an error. */
long asmrewrite_ops_put(struct ops_site *site, struct asmrewrite_ops *ops);
/* Whether `ops` can be set at all: 0 or an error. */
long asmrewrite_ops_usable(const struct asmrewrite_ops *ops);

#endif
