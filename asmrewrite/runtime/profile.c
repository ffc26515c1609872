/* profile.c - see profile.h. Runs when the program asks, or at its end; all of it may call libc. */
#define _GNU_SOURCE
#include "profile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "learn.h"
#include "sites.h"
#include "symbols.h"

#define VERSION		1
#define TARGETS_MAX	256	/* different targets of a site, of all threads */

/* A site under its name. */
struct named {
	const struct site *site;
	const struct function *function; /* NULL: no symbol says; `ordinal` is the address as linked then */
	uint64_t ordinal;
};

struct target {
	uint64_t calls, offset;
	const char *module, *file, *symbol;
};

/* A name as one word: "-" for none, spaces and the like as \xHH. */
static void word(FILE *out, const char *name, char end)
{
	if (!*name)
		fputc('-', out);
	for (const char *at = name; *at; at++) {
		if (*(const unsigned char *)at <= ' ' || *at == '\\' || *at == 0x7f || !strcmp(name, "-"))
			fprintf(out, "\\x%02x", *(const unsigned char *)at);
		else
			fputc(*at, out);
	}
	fputc(end, out);
}

static int by_address(const void *one, const void *other)
{
	const unsigned char *a = ((const struct named *)one)->site->at, *b = ((const struct named *)other)->site->at;

	return a < b ? -1 : a > b;
}

static int by_name(const void *one, const void *other)
{
	const struct named *a = one, *b = other;
	int order;

	if (!a->function != !b->function)
		return !a->function - !b->function;
	if (a->function) {
		order = strcmp(a->function->file, b->function->file);
		order = order ? order : strcmp(a->function->name, b->function->name);
		if (order)
			return order;
	}
	return a->ordinal != b->ordinal ? (a->ordinal < b->ordinal ? -1 : 1) : by_address(one, other);
}

static int by_rank(const void *one, const void *other)
{
	const struct target *a = one, *b = other;
	int order;

	if (a->calls != b->calls)
		return a->calls > b->calls ? -1 : 1;
	order = strcmp(a->module, b->module);
	order = order ? order : strcmp(a->file, b->file);
	order = order ? order : strcmp(a->symbol, b->symbol);
	return order ? order : a->offset < b->offset ? -1 : a->offset > b->offset;
}

/* Name all sites of `own` and put them in order; to be freed. */
static struct named *name_sites(struct module *own)
{
	struct named *sites = calloc(asmrewrite_relpoline_count, sizeof(*sites));

	if (!sites)
		return NULL;
	for (size_t i = 0; i < asmrewrite_relpoline_count; i++) {
		sites[i].site = &asmrewrite_relpolines[i];
		sites[i].function = asmrewrite_function_at(own, (uintptr_t)sites[i].site->at);
	}
	qsort(sites, asmrewrite_relpoline_count, sizeof(*sites), by_address);
	for (size_t i = 0; i < asmrewrite_relpoline_count; i++) {
		if (!sites[i].function)
			sites[i].ordinal = (uintptr_t)sites[i].site->at - own->base;
		else if (i && sites[i].function == sites[i - 1].function)
			sites[i].ordinal = sites[i - 1].ordinal + 1;
	}
	qsort(sites, asmrewrite_relpoline_count, sizeof(*sites), by_name);
	return sites;
}

static void print_site(FILE *out, const struct named *named, struct module *modules, struct module *own)
{
	uint64_t addresses[TARGETS_MAX], calls[TARGETS_MAX];
	struct target targets[TARGETS_MAX];
	uint64_t others = asmrewrite_relpoline_others(named->site);
	const unsigned int found = asmrewrite_relpoline_targets(named->site, addresses, calls, TARGETS_MAX);
	unsigned int count = 0;

	for (unsigned int i = 0; i < found; i++) {
		struct module *module = asmrewrite_module_of(modules, addresses[i]);

		if (!module) {		/* made while the program ran, or gone since */
			others += calls[i];
			continue;
		}
		const struct function *function = asmrewrite_function_at(module, addresses[i]);

		targets[count++] = (struct target){
			calls[i], addresses[i] - module->base - (function ? function->start : 0),
			module == own ? "" : *module->soname ? module->soname : ".",
			function ? function->file : "", function ? function->name : "",
		};
	}
	if (!count && !others)
		return;
	qsort(targets, count, sizeof(*targets), by_rank);
	fputs("site ", out);
	word(out, named->function ? named->function->file : "", ' ');
	word(out, named->function ? named->function->name : "", ' ');
	fprintf(out, named->function ? "%llu\n" : "%#llx\n", (unsigned long long)named->ordinal);
	for (unsigned int i = 0; i < count; i++) {
		if (!targets[i].calls)
			continue;
		fprintf(out, "target %llu ", (unsigned long long)targets[i].calls);
		word(out, targets[i].module, ' ');
		word(out, targets[i].file, ' ');
		word(out, targets[i].symbol, ' ');
		fprintf(out, "%#llx\n", (unsigned long long)targets[i].offset);
	}
	if (others)
		fprintf(out, "others %llu\n", (unsigned long long)others);
}

static int print(FILE *out)
{
	struct module *modules = asmrewrite_modules();
	struct module *own = asmrewrite_module_of(modules, (uintptr_t)&asmrewrite_relpolines);
	struct named *sites = NULL;

	if (own) {
		asmrewrite_module_read(own);
		sites = name_sites(own);
	}
	if (sites) {
		fprintf(out, "asmrewrite-profile %d ", VERSION);
		word(out, own->soname, ' ');
		fprintf(out, "%s %s\n", asmrewrite_only_count ? "learn" : "on", own->table);
		for (size_t i = 0; i < asmrewrite_relpoline_count; i++)
			print_site(out, &sites[i], modules, own);
		fputs("end\n", out);
	}
	free(sites);
	asmrewrite_modules_free(modules);
	if (!sites)
		errno = ENOMEM;
	return sites ? 0 : -1;
}

/* `pattern` with %p for the process and %% for a percent sign; false when that is too long. */
static bool expand(const char *pattern, char *path, size_t room)
{
	size_t size = 0;

	for (; *pattern && size < room; pattern++) {
		if (pattern[0] == '%' && pattern[1] == 'p')
			size += (size_t)snprintf(path + size, room - size, "%d", (int)getpid()), pattern++;
		else
			path[size++] = *pattern, pattern += pattern[0] == '%' && pattern[1] == '%';
	}
	if (size >= room)
		return false;
	path[size] = 0;
	return true;
}

/* Append all of it or nothing, under a lock that others who append take too. */
static int append(const char *path, const char *text, size_t size)
{
	const int file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	struct stat before;
	int problem = 0;

	if (file < 0)
		return -1;
	while (flock(file, LOCK_EX) && errno == EINTR)
		;
	if (fstat(file, &before))
		problem = errno;
	for (size_t done = 0; done < size && !problem;) {
		const ssize_t wrote = write(file, text + done, size - done);

		if (wrote > 0)
			done += (size_t)wrote;
		else if (errno != EINTR)
			problem = wrote ? errno : ENOSPC;
	}
	if (problem && S_ISREG(before.st_mode) && ftruncate(file, before.st_size))
		problem = errno;
	if (close(file) && !problem)
		problem = errno;
	errno = problem;
	return problem ? -1 : 0;
}

int asmrewrite_profile_write(const char *pattern)
{
	char path[4096], *text = NULL;
	size_t size = 0;

	if (!asmrewrite_relpoline_count)
		return 0;
	if (!expand(pattern, path, sizeof(path))) {
		errno = ENAMETOOLONG;
		return -1;
	}
	FILE *out = open_memstream(&text, &size);
	int status = out ? print(out) : -1;

	if (out && fclose(out))
		status = -1;
	if (!status)
		status = append(path, text, size);
	free(text);
	return status;
}

void asmrewrite_profile_end(const char *path)
{
	if (asmrewrite_profile_write(path))
		dprintf(2, "asmrewrite: %s: the profile cannot be written: %s\n", path, strerror(errno));
}
