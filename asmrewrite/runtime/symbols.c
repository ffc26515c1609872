/* symbols.c - see symbols.h */
#define _GNU_SOURCE
#include "symbols.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *own_name(const struct dl_phdr_info *info)
{
	const char *strings = NULL;
	size_t name = 0;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type != PT_DYNAMIC)
			continue;
		for (const ElfW(Dyn) *entry = (void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr); entry->d_tag; entry++) {
			if (entry->d_tag == DT_SONAME)
				name = entry->d_un.d_val;
			if (entry->d_tag == DT_STRTAB)	/* relocated by some loaders, for some modules */
				strings = (char *)(entry->d_un.d_ptr + (entry->d_un.d_ptr < info->dlpi_addr ? info->dlpi_addr : 0));
		}
	}
	if (name && strings)
		return strings + name;
	const char *slash = strrchr(info->dlpi_name, '/');

	return slash ? slash + 1 : info->dlpi_name;
}

/* What dl_iterate_phdr() is given: where the next module goes. */
struct list {
	struct module *first, **end;
};

static int add_module(struct dl_phdr_info *info, size_t size, void *data)
{
	struct list *list = data;
	const bool program = !list->first;
	struct module *module = calloc(1, sizeof(*module));

	(void)size;
	if (!module)
		return 1;
	*list->end = module;
	list->end = &module->next;
	module->base = info->dlpi_addr;
	module->low = UINTPTR_MAX;
	module->path = strdup(program ? "" : info->dlpi_name);
	module->soname = strdup(program ? "" : own_name(info));
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		const uintptr_t low = module->base + segment->p_vaddr, high = low + segment->p_memsz;

		if (segment->p_type != PT_LOAD)
			continue;
		if (!segment->p_offset)
			module->header = (const void *)low;
		if (low < module->low)
			module->low = low;
		if (high > module->high)
			module->high = high;
	}
	return !module->path || !module->soname;
}

struct module *asmrewrite_modules(void)
{
	struct list list = { NULL, &list.first };

	if (!dl_iterate_phdr(add_module, &list))
		return list.first;
	asmrewrite_modules_free(list.first);
	return NULL;
}

void asmrewrite_modules_free(struct module *module)
{
	while (module) {
		struct module *next = module->next;

		if (module->file)
			munmap((void *)module->file, module->file_size);
		free(module->functions);
		free(module->path);
		free(module->soname);
		free(module);
		module = next;
	}
}

struct module *asmrewrite_module_of(struct module *modules, uintptr_t address)
{
	while (modules && (address < modules->low || address >= modules->high))
		modules = modules->next;
	return modules;
}

/* Map the file that `module` was loaded from, if it is the same still. */
static void map_file(struct module *module)
{
	const int file = open(*module->path ? module->path : "/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct stat status;

	if (file < 0)
		return;
	if (!fstat(file, &status) && (size_t)status.st_size >= sizeof(Elf64_Ehdr)) {
		void *made = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);

		if (made != MAP_FAILED && module->header && !memcmp(made, module->header, sizeof(Elf64_Ehdr))) {
			module->file = made;
			module->file_size = status.st_size;
		} else if (made != MAP_FAILED) {
			munmap(made, status.st_size);
		}
	}
	close(file);
}

/* [offset, offset + size) of the file, NULL when it is not that long. */
static const void *part(const struct module *module, uint64_t offset, uint64_t size)
{
	if (offset > module->file_size || size > module->file_size - offset)
		return NULL;
	return module->file + offset;
}

static const Elf64_Shdr *section_of_type(const struct module *module, uint32_t type, const Elf64_Shdr **strings)
{
	const Elf64_Ehdr *header = (const void *)module->file;
	const Elf64_Shdr *sections = part(module, header->e_shoff, header->e_shnum * sizeof(*sections));

	for (unsigned int i = 0; sections && i < header->e_shnum; i++) {
		if (sections[i].sh_type != type || sections[i].sh_link >= header->e_shnum)
			continue;
		*strings = &sections[sections[i].sh_link];
		/* Names must end: the table's last byte is 0. */
		const char *text = part(module, (*strings)->sh_offset, (*strings)->sh_size);

		if (text && (*strings)->sh_size && !text[(*strings)->sh_size - 1] &&
		    part(module, sections[i].sh_offset, sections[i].sh_size))
			return &sections[i];
	}
	return NULL;
}

static int compare(const void *one, const void *other)
{
	const struct function *a = one, *b = other;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	return a->rank != b->rank ? a->rank - b->rank : strcmp(a->name, b->name);
}

static bool read_table(struct module *module, uint32_t type)
{
	const Elf64_Shdr *strings, *section = section_of_type(module, type, &strings);

	if (!section)
		return false;
	const Elf64_Sym *symbols = part(module, section->sh_offset, section->sh_size);
	const char *names = part(module, strings->sh_offset, strings->sh_size), *file = "";
	const size_t count = section->sh_size / sizeof(*symbols);

	module->functions = calloc(count ? count : 1, sizeof(*module->functions));
	if (!module->functions)
		return false;
	for (size_t i = 0; i < count; i++) {
		const Elf64_Sym *symbol = &symbols[i];
		const unsigned char binding = ELF64_ST_BIND(symbol->st_info);

		if (symbol->st_name >= strings->sh_size)
			continue;
		if (ELF64_ST_TYPE(symbol->st_info) == STT_FILE)
			file = names + symbol->st_name;
		if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || symbol->st_shndx == SHN_UNDEF)
			continue;
		module->functions[module->count++] = (struct function){
			symbol->st_value, symbol->st_size, names + symbol->st_name, binding == STB_LOCAL ? file : "",
			binding == STB_LOCAL ? 2 : binding == STB_WEAK,
		};
	}
	qsort(module->functions, module->count, sizeof(*module->functions), compare);
	return module->count > 0;
}

void asmrewrite_module_read(struct module *module)
{
	if (module->table)
		return;
	map_file(module);
	module->table = !module->file ? "none" : read_table(module, SHT_SYMTAB) ? "symtab" :
			read_table(module, SHT_DYNSYM) ? "dynsym" : "none";
}

const struct function *asmrewrite_function_at(struct module *module, uintptr_t address)
{
	const uint64_t place = address - module->base;
	size_t low = 0, high;

	asmrewrite_module_read(module);
	for (high = module->count; low < high;) {
		const size_t middle = (low + high) / 2;

		if (module->functions[middle].start <= place)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return NULL;
	const struct function *end = &module->functions[low], *function = end - 1;
	const uint64_t start = function->start;

	while (function > module->functions && function[-1].start == start)
		function--;
	for (; function < end; function++)
		if (!function->size || place - start < function->size)
			return function;
	return NULL;
}
