/* static_sites.h - the static-call sites of this module. */
#ifndef ASMREWRITE_STATIC_SITES_H
#define ASMREWRITE_STATIC_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "code.h"

/* Read the table; the range of the text that it names. false: there are no such sites. */
bool asmrewrite_static_read(uintptr_t *low, uintptr_t *high);
/* In the new memory file: put every site. */
void asmrewrite_static_restore(void);
void asmrewrite_static_refresh(void);
size_t asmrewrite_static_count(void);

#endif
