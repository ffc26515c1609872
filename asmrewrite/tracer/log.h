/* log.h - what the reader must know besides events. */
#ifndef TRACE_LOG_H
#define TRACE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "region.h"

/* Append a record with `size` bytes of text; when the log is full the reader sees that it is. */
void asmrewrite_trace_log(enum record kind, uint64_t a, uint64_t b, const char *text, size_t size);

#endif
