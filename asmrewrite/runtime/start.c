/* start.c - the runtime's beginning and end in a module (a program or a shared object), and its report. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "asmrewrite/relpoline.h"
#include "code.h"
#include "keyed.h"
#include "module.h"
#include "ops.h"
#include "profile.h"
#include "sites.h"

static const char *log_file;
static const char *profile_file;
static enum code_refusal refusal;

void asmrewrite_restore_sites(void)
{
	asmrewrite_relpoline_restore();
	asmrewrite_keyed_restore();
	asmrewrite_ops_restore();
}

/* The environment of a program with more rights than its user is not listened to. */
static const char *variable(const char *name)
{
	return secure_getenv(name);
}

static void report(void)
{
	static const char names[][12] = {
		[SITE_COMPILED] = "compiled", [SITE_LEARNING] = "learning", [SITE_CHAIN] = "chain",
		[SITE_PINNED] = "pinned", [SITE_EXCLUDED] = "excluded", [SITE_REFUSED] = "refused",
	};
	int file = open(log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

	if (file < 0)
		return;
	dprintf(file, "asmrewrite: pid %d: %zu relpoline sites: %s\n", (int)getpid(), asmrewrite_relpoline_count,
		asmrewrite_code_words(refusal));
	for (size_t i = 0; i < asmrewrite_relpoline_count; i++) {
		const struct site *site = &asmrewrite_relpolines[i];
		const unsigned int entries = runs_chain(site) ? (unsigned int)site->chain->entries : 0;

		if (!site->learned && site->state != SITE_REFUSED)
			continue;
		dprintf(file, "  %p %s entries %u learned %u calls %llu%s%s%s\n", (void *)site->at, names[site->state],
			entries, site->learned, (unsigned long long)site->calls,
			site->far ? ", a target is further than 2 GiB" : "", site->refusal ? ": " : "",
			site->refusal ? asmrewrite_code_words(site->refusal) : "");
		for (unsigned int e = 0; e < entries; e++)
			dprintf(file, "    -> %#llx\n", (unsigned long long)site->chain->targets[e]);
	}
	close(file);
}

__attribute__((constructor(101))) static void start(void)
{
	uintptr_t low = UINTPTR_MAX, high = 0;
	const char *wanted = variable("ASMREWRITE_RUNTIME");

	__atomic_store_n(&asmrewrite_this_module.ready, 1, __ATOMIC_RELEASE);
	log_file = variable("ASMREWRITE_LOG");
	profile_file = variable("ASMREWRITE_PROFILE");
	if (wanted && !strcmp(wanted, "off"))
		return;
	asmrewrite_only_count = wanted && !strcmp(wanted, "learn");
	const bool relpolines = asmrewrite_relpoline_read(&low, &high), keyed = asmrewrite_keyed_read(&low, &high);
	const bool entries = asmrewrite_ops_read(&low, &high);

	if (!relpolines && !keyed && !entries)
		return;
	refusal = asmrewrite_code_open(low, high);
	/* A child must not follow its parent's keys. Relpolines do no harm: they compare. */
	if (keyed && refusal == CODE_OK)
		pthread_atfork(asmrewrite_ops_forking, NULL, asmrewrite_code_own);
	else if (entries && refusal == CODE_OK)
		pthread_atfork(asmrewrite_ops_forking, NULL, asmrewrite_ops_forked);
	if (refusal != CODE_OK && log_file)
		report();
	if (asmrewrite_trace_module)
		asmrewrite_trace_module(&asmrewrite_this_module);
}

__attribute__((destructor(101))) static void stop(void)
{
	if (log_file && refusal == CODE_OK)
		report();
	if (profile_file && *profile_file)
		asmrewrite_profile_end(profile_file);
	__atomic_store_n(&asmrewrite_this_module.ready, 0, __ATOMIC_RELEASE);
	if (asmrewrite_trace_module_ends)
		asmrewrite_trace_module_ends(&asmrewrite_this_module);
	asmrewrite_ops_stop();
	asmrewrite_relpoline_stop();
	asmrewrite_relpoline_forget();
	asmrewrite_code_close();
}
