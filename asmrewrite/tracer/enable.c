/* enable.c - connecting to the markers and functions of a module, when its runtime starts and tells us of it. */
#define _GNU_SOURCE
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "asmrewrite/marker.h"
#include "events.h"
#include "log.h"
#include "module.h"
#include "modules.h"
#include "plans.h"
#include "ring.h"
#include "start.h"

/* Of libstdc++, where the process has it. */
extern char *__cxa_demangle(const char *, char *, size_t *, int *) __attribute__((weak, visibility("default")));

struct found {
	const void **functions;
	size_t count, refused;
	const char *reason;
};

/* Whether a glob of the settings that is for `what` names one of the two; `other` may be NULL. */
static bool named(char what, const char *name, const char *other)
{
	for (const char *glob = asmrewrite_trace_region->settings; *glob; glob += strlen(glob) + 1)
		if (*glob == what && (!fnmatch(glob + 1, name, 0) || (other && !fnmatch(glob + 1, other, 0))))
			return true;
	return false;
}

static bool wanted_function(const char *name)
{
	char *plain = !strncmp(name, "_Z", 2) && __cxa_demangle ? __cxa_demangle(name, NULL, NULL, NULL) : NULL;
	const bool ours = !strncmp(name, "asmrewrite_", 11);	/* in every file that has markers */
	const bool wanted = !ours && named('f', name, plain);

	free(plain);
	return wanted;
}

static bool visit(const struct asmrewrite_ops_function *function, void *data)
{
	struct found *found = data;

	if (!*function->name || !wanted_function(function->name))
		return true;
	if (*function->reason) {
		found->refused++;
		found->reason = function->reason;
		return true;
	}
	if (!(found->count & (found->count - 1))) {
		const void **more = realloc(found->functions, (found->count ? 2 * found->count : 1) * sizeof(*more));

		if (!more)
			return false;
		found->functions = more;
	}
	found->functions[found->count++] = function->function;
	return true;
}

static void enable_functions(const struct asmrewrite_module *module)
{
	struct found found = { .reason = "" };

	module->ops_each(visit, &found);
	const long done = found.count ? module->ops_add_all(found.functions, found.count, asmrewrite_trace_ops()) : 0;

	free(found.functions);
	if (done == ASMREWRITE_OPS_SHADOW_STACK)
		found.reason = "exits cannot be watched on a shadow stack: use --entries";
	if (found.count || found.refused)
		asmrewrite_trace_log(RECORD_FUNCTIONS, done < 0 ? 0 : (uint64_t)done,
				     found.refused + found.count - (done < 0 ? 0 : (size_t)done), found.reason,
				     strlen(found.reason));
}

static void enable_markers(const struct asmrewrite_module *module)
{
	bool some = false;

	for (const struct asmrewrite_marker *marker = module->markers; marker < module->markers_end; marker++) {
		if (!marker->key || !named('m', marker->name, NULL))
			continue;
		struct plan *plan = asmrewrite_trace_new_plan(marker, marker->name, marker->format, marker->file,
							      (unsigned int)marker->line);

		some |= plan && asmrewrite_marker_change(marker, asmrewrite_trace_probe, plan, 1, 1);
	}
	if (some)
		module->refresh();
}

__attribute__((visibility("default"))) void asmrewrite_trace_module(const struct asmrewrite_module *module)
{
	if (!asmrewrite_trace_begin())
		return;
	asmrewrite_trace_tell_modules();
	if (module->size < sizeof(*module)) {
		static const char old[] = "a module was linked with an older runtime, and is not traced: link it anew";

		asmrewrite_trace_log(RECORD_PROBLEM, 0, 0, old, sizeof old - 1);
		return;
	}
	enable_markers(module);
	enable_functions(module);
}

/* What its runtime did not report to us. */
__attribute__((visibility("default"))) void asmrewrite_trace_module_ends(const struct asmrewrite_module *module)
{
	struct asmrewrite_ops_counts counts;

	if (!asmrewrite_trace_region || module->size < sizeof(*module))
		return;
	module->ops_read_counts(&counts);
	if (counts.recursions)
		asmrewrite_trace_log(RECORD_UNSEEN, counts.recursions, 0, "", 0);
}
