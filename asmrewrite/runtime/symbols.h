/* symbols.h - the modules of this process (the program and its shared objects), and names for addresses in them.
 *
 * Names come from the symbol table in a module's file: .symtab, or .dynsym when that was stripped. All of this calls
 * libc: it is for the end of a program, not for the middle of its calls.
 */
#ifndef ASMREWRITE_SYMBOLS_H
#define ASMREWRITE_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct function {
	uint64_t start, size;	/* as linked; size 0 when the table does not say */
	const char *name;
	const char *file;	/* the source of a local one, "" for others */
	unsigned char rank;	/* of names for one address the lowest is taken: global, weak, local */
};

struct module {
	struct module *next;
	uintptr_t base;		/* what is added to addresses as linked */
	uintptr_t low, high;	/* its range of addresses */
	const void *header;	/* its ELF header in memory, NULL when that is not mapped */
	char *path;		/* "" for the program */
	char *soname;		/* the same; without a soname the last part of the path */
	const char *table;	/* "symtab", "dynsym" or "none"; NULL before the file was read */
	const unsigned char *file;
	size_t file_size;
	struct function *functions; /* by start, then rank and name */
	size_t count;
};

/* All modules, the program first; NULL without memory. */
struct module *asmrewrite_modules(void);
void asmrewrite_modules_free(struct module *modules);

struct module *asmrewrite_module_of(struct module *modules, uintptr_t address);

/* Read the symbols of `module`, unless that was done. */
void asmrewrite_module_read(struct module *module);

/* The function that `address` is in, under the name that is always chosen; NULL when no symbol says. */
const struct function *asmrewrite_function_at(struct module *module, uintptr_t address);

#endif
