/* markers.c - markers of all modules; see asmrewrite/marker.h and asmrewrite/static_key.h */
#define _GNU_SOURCE
#include "asmrewrite/marker.h"

#include "module.h"

void asmrewrite_call(void (*function)(void), const void *a, void *b);

struct change {
	const char *pattern;
	marker_probe *function;
	void *data;
	int connect;
	size_t matching;
};

struct visit {
	void (*function)(const struct asmrewrite_marker *, void *);
	void *data;
};

void asmrewrite_keys_changed(void)
{
	asmrewrite_refresh_all();
}

static void change(const struct asmrewrite_module *module, void *data)
{
	struct change *change = data;

	change->matching += asmrewrite_markers_change_in(module->markers, module->markers_end, change->pattern,
							 change->function, change->data, change->connect);
}

size_t asmrewrite_markers_change(const char *pattern, marker_probe *function, void *data, int connect)
{
	struct change wanted = { pattern, function, data, connect, 0 };

	asmrewrite_each_module(change, &wanted);
	asmrewrite_refresh_all();
	return wanted.matching;
}

static void visit(const struct asmrewrite_module *module, void *data)
{
	const struct visit *visit = data;

	for (const struct asmrewrite_marker *marker = module->markers; marker < module->markers_end; marker++)
		asmrewrite_call((void (*)(void))visit->function, marker, visit->data);
}

void asmrewrite_markers_each(void (*function)(const struct asmrewrite_marker *, void *), void *data)
{
	struct visit wanted = { function, data };

	asmrewrite_each_module(visit, &wanted);
}
