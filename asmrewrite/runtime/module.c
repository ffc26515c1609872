/* module.c - see module.h */
#define _GNU_SOURCE
#include "module.h"

#include <elf.h>
#include <link.h>

#include "asmrewrite/marker.h"
#include "code.h"
#include "keyed.h"
#include "note.h"
#include "system.h"

/* entry.S: function(a, b), without an unprotected indirect call. */
void asmrewrite_call(void (*function)(void), const void *a, void *b);

struct asmrewrite_module asmrewrite_this_module = {
	.size = sizeof(struct asmrewrite_module),
	.refresh = asmrewrite_keyed_refresh,
	.markers = __start_asmrewrite_markers,
	.markers_end = __stop_asmrewrite_markers,
	.ops_each = asmrewrite_ops_each,
	.ops_add_all = asmrewrite_ops_add_all,
	.ops_read_counts = asmrewrite_ops_read_counts,
};

struct order {
	void (*function)(const struct asmrewrite_module *, void *);
	void *data;
};

/* The struct that a module's notes name; NULL when it has none. */
static const struct asmrewrite_module *described(const struct dl_phdr_info *module, const ElfW(Phdr) *segment)
{
	const char *place = (const char *)(module->dlpi_addr + segment->p_vaddr), *end = place + segment->p_memsz;

	while (end - place > (ptrdiff_t)sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)place;
		const char *name = place + sizeof(*note), *description = name + ((note->n_namesz + 3) & -4u);

		if (note->n_namesz == sizeof(NOTE_NAME) && note->n_type == NOTE_MODULE &&
		    same_bytes(name, NOTE_NAME, sizeof(NOTE_NAME))) {
			int32_t distance;

			copy_bytes(&distance, description, 4);
			return (const void *)(description + distance);
		}
		place = description + ((note->n_descsz + segment->p_align - 1) & -segment->p_align);
	}
	return NULL;
}

static int tell(struct dl_phdr_info *module, size_t size, void *data)
{
	const struct order *order = data;

	(void)size;
	for (int i = 0; i < module->dlpi_phnum; i++) {
		const struct asmrewrite_module *found =
			module->dlpi_phdr[i].p_type == PT_NOTE ? described(module, &module->dlpi_phdr[i]) : NULL;

		if (found && __atomic_load_n(&found->ready, __ATOMIC_ACQUIRE))
			asmrewrite_call((void (*)(void))order->function, found, order->data);
	}
	return 0;
}

void asmrewrite_each_module(void (*function)(const struct asmrewrite_module *, void *), void *data)
{
	struct order order = { function, data };

	dl_iterate_phdr(tell, &order);
}

static void refresh(const struct asmrewrite_module *module, void *nothing)
{
	asmrewrite_call(module->refresh, nothing, NULL);
}

void asmrewrite_refresh_all(void)
{
	asmrewrite_each_module(refresh, NULL);
	asmrewrite_code_synchronise();
}
