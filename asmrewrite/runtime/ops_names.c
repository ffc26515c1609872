/* ops_names.c - functions with sites by their names (include/asmrewrite/ops.h). It calls libc. */
#define _GNU_SOURCE
#include <fnmatch.h>
#include <regex.h>

#include "code.h"
#include "ops_sites.h"
#include "symbols.h"

typedef bool visitor(const struct asmrewrite_ops_function *, void *);

/* ops_entry.S: function(first, second), without an unprotected indirect call. */
long asmrewrite_call2(const void *first, void *second, const void *function);

static long each(visitor *visit, void *data)
{
	struct module *modules = asmrewrite_modules();
	struct module *own = asmrewrite_ops_known() ?
				     asmrewrite_module_of(modules, (uintptr_t)asmrewrite_ops_sites[0].at) : NULL;
	long visited = 0;

	if (own)
		asmrewrite_module_read(own);
	for (size_t i = 0; i < asmrewrite_ops_count; i++) {
		const struct ops_site *site = &asmrewrite_ops_sites[i];
		const struct function *known = own ? asmrewrite_function_at(own, (uintptr_t)site->function) : NULL;
		const struct asmrewrite_ops_function shown = {
			.function = site->function,
			.site = site->at,
			.name = known ? known->name : "",
			.reason = site->refusal ? asmrewrite_code_words(site->refusal) : "",
			.on = site->calls != NULL,
		};

		visited++;
		if (!(asmrewrite_call2(&shown, data, (const void *)visit) & 0xff))
			break;
	}
	asmrewrite_modules_free(modules);
	return visited;
}

long asmrewrite_ops_each(visitor *visit, void *data)
{
	return each(visit, data);
}

/* What is being set, where the user says. */
struct choice {
	visitor *wanted;
	void *data;
	struct asmrewrite_ops *ops;
	const char *glob;
	const regex_t *regex;
	long done, error;
};

static bool chosen(const struct asmrewrite_ops_function *function, struct choice *choice)
{
	if (choice->wanted)
		return asmrewrite_call2(function, choice->data, (const void *)choice->wanted) & 0xff;
	if (!*function->name)
		return false;
	if (choice->glob)
		return !fnmatch(choice->glob, function->name, 0);
	return !regexec(choice->regex, function->name, 0, NULL, 0);
}

static bool set_chosen(const struct asmrewrite_ops_function *function, void *data)
{
	struct choice *choice = data;

	if (chosen(function, choice)) {
		const long made = asmrewrite_ops_put(asmrewrite_ops_find(function->function), choice->ops);

		if (made < 0 && !choice->error)
			choice->error = made;
		choice->done += made > 0;
	}
	return true;
}

static long set(struct choice *choice)
{
	const long usable = asmrewrite_ops_usable(choice->ops);

	if (usable < 0)
		return usable;
	if (!asmrewrite_ops_known())
		return ASMREWRITE_OPS_NO_SITE;
	if (asmrewrite_code_lock(true) != CODE_OK)
		return ASMREWRITE_OPS_REFUSED;
	each(set_chosen, choice);
	asmrewrite_code_synchronise();
	asmrewrite_code_unlock();
	return choice->done ? choice->done : choice->error;
}

long asmrewrite_ops_filter(visitor *wanted, void *data, struct asmrewrite_ops *ops)
{
	struct choice choice = { .wanted = wanted, .data = data, .ops = ops };

	return wanted ? set(&choice) : ASMREWRITE_OPS_INVALID;
}

long asmrewrite_ops_match(const char *pattern, int how, struct asmrewrite_ops *ops)
{
	struct choice choice = { .ops = ops };
	regex_t regex;

	if (how == ASMREWRITE_OPS_GLOB) {
		choice.glob = pattern;
		return set(&choice);
	}
	if (how != ASMREWRITE_OPS_REGEX || regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
		return ASMREWRITE_OPS_INVALID;
	choice.regex = &regex;
	const long done = set(&choice);

	regfree(&regex);
	return done;
}
