/* plans.c - see plans.h. Plans are never freed: a thread may be using one. */
#include "plans.h"

#include <stddef.h>
#include <sys/mman.h>

#include "log.h"
#include "ring.h"
#include "system.h"

#define PLANS	1024	/* of one mapping */
#define TEXT	1024	/* bytes of name, format and file */

static struct plan *plans;
static unsigned int left;

static size_t append(char *text, size_t at, const char *string)
{
	for (; *string && at < TEXT - 1; string++)
		text[at++] = *string;
	text[at++] = 0;
	return at;
}

struct plan *asmrewrite_trace_new_plan(const void *at, const char *name, const char *format, const char *file,
				       unsigned int line)
{
	char text[TEXT + 2];

	if (!left) {
		long made = sys(SYS_mmap, 0, PLANS * sizeof(struct plan), PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (failed(made))
			return NULL;
		plans = (struct plan *)made;
		left = PLANS;
	}
	struct plan *plan = plans++;

	left--;
	plan->marker = (uint64_t)(at ? at : plan);
	plan->text_max = asmrewrite_trace_region->text_max;
	asmrewrite_trace_plan(plan, format);
	asmrewrite_trace_log(RECORD_MARKER, plan->marker, line, text,
			     append(text, append(text, append(text, 0, name), format), file));
	return plan;
}
