/* start.h - see start.c */
#ifndef TRACE_START_H
#define TRACE_START_H

#include <stdbool.h>

/* Join the trace that the environment names, unless that was done; whether there is one. */
bool asmrewrite_trace_begin(void);

#endif
