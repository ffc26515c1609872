/* code_size.h - what C and assembly must agree on about the arena. */
#ifndef ASMREWRITE_CODE_SIZE_H
#define ASMREWRITE_CODE_SIZE_H

/* Bytes of address space that the arena has; untouched pages cost nothing. */
#define ARENA_SIZE	0x800000

/* Its beginning, for the trampolines of ops (ops.c), which have frame information of their own; bytes of each. */
#define TRAMPOLINES_SIZE	0x8000
#define TRAMPOLINE_SIZE		32
#define TRAMPOLINE_OPS		16	/* where its ops stands in it */

#endif
