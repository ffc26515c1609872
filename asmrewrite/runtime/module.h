/* module.h - what a module (a program or shared object) lets the runtimes of others, and tracers, do with it. */
#ifndef ASMREWRITE_MODULE_H
#define ASMREWRITE_MODULE_H

#include <stddef.h>
#include <stdint.h>

struct asmrewrite_marker;

/* Constant, and the same in all versions up to its `size`. */
struct asmrewrite_module {
	uint32_t size;			/* of this struct, in bytes */
	uint32_t reserved;
	void (*refresh)(void);		/* bring the sites to what the keys say */
	const struct asmrewrite_marker *markers, *markers_end;
};

/* Call function(module, data) for every module that has a runtime; module.c. */
void asmrewrite_each_module(void (*function)(const struct asmrewrite_module *, void *), void *data);

/* Let every module bring its sites to what the keys say. */
void asmrewrite_refresh_all(void);

#endif
