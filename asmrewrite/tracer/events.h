/* events.h - the events of a program: what its hooks call. */
#ifndef TRACE_EVENTS_H
#define TRACE_EVENTS_H

#include <stdarg.h>
#include <stdint.h>

#include "arguments.h"
#include "asmrewrite/ops.h"

struct asmrewrite_marker;

/* What a marker calls; `plan` is its own. */
void asmrewrite_trace_probe(const struct asmrewrite_marker *marker, void *plan, const char *format, va_list *args);

/* What functions call, with exits or without as the settings say. */
struct asmrewrite_ops *asmrewrite_trace_ops(void);

/* For code that knows its own entries and exits (a JIT, an interpreter): `kind` is ENTRY 1, EXIT 2, TAIL 3, ALONE 4. */
__attribute__((visibility("default"))) void asmrewrite_trace_event(unsigned int kind, const void *function,
								   const void *cell);

/* The same for a marker of its own: a plan for each format once, then its arguments, as many as the format asks for. */
__attribute__((visibility("default"))) const void *asmrewrite_trace_text_plan(const char *name, const char *format,
									       const char *file, unsigned int line);
__attribute__((visibility("default"))) void asmrewrite_trace_text(const void *plan, va_list *args);

#endif
