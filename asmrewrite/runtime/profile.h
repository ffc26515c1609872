/* profile.h - what sites called, as a file (docs/profiles.md). */
#ifndef ASMREWRITE_PROFILE_H
#define ASMREWRITE_PROFILE_H

#include "asmrewrite/relpoline.h"

/* At exit: write it, and say on standard error when that cannot be done. */
void asmrewrite_profile_end(const char *path);

#endif
