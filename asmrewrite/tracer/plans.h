/* plans.h - a marker's plan, made when the marker is enabled, and told to the reader. */
#ifndef TRACE_PLANS_H
#define TRACE_PLANS_H

#include <stdint.h>

#include "arguments.h"

/* For the marker at `at`, or for one that has no other address than its plan (NULL). NULL without memory. */
struct plan *asmrewrite_trace_new_plan(const void *at, const char *name, const char *format, const char *file,
				       unsigned int line);

#endif
