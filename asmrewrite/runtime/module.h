/* module.h - what a module (a program or shared object) lets the runtimes of others, and tracers, do with it. */
#ifndef ASMREWRITE_MODULE_H
#define ASMREWRITE_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include "asmrewrite/ops.h"

struct asmrewrite_marker;

/* The same in all versions up to its `size`. */
struct asmrewrite_module {
	uint32_t size;			/* of this struct, in bytes */
	uint32_t ready;			/* from its start to its end; a module is seen before it is relocated */
	void (*refresh)(void);		/* bring the sites to what the keys say */
	const struct asmrewrite_marker *markers, *markers_end;
	/* As in asmrewrite/ops.h, of this module's functions. */
	long (*ops_each)(bool (*visit)(const struct asmrewrite_ops_function *, void *), void *data);
	long (*ops_add_all)(const void *const *functions, size_t count, struct asmrewrite_ops *ops);
	void (*ops_read_counts)(struct asmrewrite_ops_counts *counts);
};

/* A preloaded tracer has these, and is told of each module when that starts, and before it goes. */
extern void asmrewrite_trace_module(const struct asmrewrite_module *module)
	__attribute__((weak, visibility("default")));
extern void asmrewrite_trace_module_ends(const struct asmrewrite_module *module)
	__attribute__((weak, visibility("default")));

extern struct asmrewrite_module asmrewrite_this_module __attribute__((visibility("hidden")));

/* Call function(module, data) for every module that has a runtime; module.c. */
void asmrewrite_each_module(void (*function)(const struct asmrewrite_module *, void *), void *data);

/* Let every module bring its sites to what the keys say. */
void asmrewrite_refresh_all(void);

#endif
