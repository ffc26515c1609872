/* asmrewrite/relpoline.h - what a program may ask of its relpoline sites while it runs. docs/profiles.md explains it.
 *
 * The functions are those of the runtime in the caller's own module (the program, or the shared object). They are weak:
 * where the module was linked without it their addresses are 0.
 *
 *	if (asmrewrite_profile_write)
 *		asmrewrite_profile_write("server.profile");
 */
#ifndef ASMREWRITE_RELPOLINE_H
#define ASMREWRITE_RELPOLINE_H

#ifndef ASMREWRITE_RUNTIME
#define ASMREWRITE_RUNTIME	__attribute__((weak, visibility("hidden")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Append what the sites of this module have called to the file `path` (%p: the process number), as at the exit of a
 * program with ASMREWRITE_PROFILE. 0, or -1 and errno. Not for signal handlers.
 */
ASMREWRITE_RUNTIME int asmrewrite_profile_write(const char *path);

#ifdef __cplusplus
}
#endif

#endif
