/* same_random.c - preloaded, it gives a program that reads /dev/urandom by fopen() the same bytes each time.
 *
 * redis seeds its hash function so; keys then collide otherwise in each run, which is a percent of its instructions.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

static FILE *opened(const char *name, const char *path, const char *mode)
{
	FILE *(*const real)(const char *, const char *) = (FILE *(*)(const char *, const char *))dlsym(RTLD_NEXT, name);

	return real(strcmp(path, "/dev/urandom") ? path : "/dev/zero", mode);
}

FILE *fopen(const char *path, const char *mode)
{
	return opened("fopen", path, mode);
}

FILE *fopen64(const char *path, const char *mode)
{
	return opened("fopen64", path, mode);
}
