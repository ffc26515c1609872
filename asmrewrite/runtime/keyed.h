/* keyed.h - the sites of this module that a key decides: static calls, and tests of static keys and markers. */
#ifndef ASMREWRITE_KEYED_H
#define ASMREWRITE_KEYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "code.h"

/* Read the table; the range of the text that it names. false: there are no such sites. */
bool asmrewrite_keyed_read(uintptr_t *low, uintptr_t *high);
/* In the new memory file: put every site. */
void asmrewrite_keyed_restore(void);
/* Bring the sites of this module to what their keys say. */
void asmrewrite_keyed_refresh(void);
size_t asmrewrite_keyed_count(void);

#endif
