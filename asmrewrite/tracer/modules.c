/* modules.c - see modules.h */
#define _GNU_SOURCE
#include "modules.h"

#include <link.h>
#include <string.h>

#include "log.h"
#include "ring.h"
#include "system.h"

static unsigned long long told;	/* modules that were ever loaded */

static int tell(struct dl_phdr_info *module, size_t size, void *number)
{
	uintptr_t low = UINTPTR_MAX, high = 0;
	char program[4096];
	const char *path = module->dlpi_name;
	size_t length = strlen(path);

	(void)size;
	*(unsigned long long *)number = module->dlpi_adds;
	if (module->dlpi_adds == told)
		return 1;
	for (int i = 0; i < module->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &module->dlpi_phdr[i];

		if (segment->p_type != PT_LOAD)
			continue;
		low = segment->p_vaddr < low ? segment->p_vaddr : low;
		high = segment->p_vaddr + segment->p_memsz > high ? segment->p_vaddr + segment->p_memsz : high;
	}
	if (!length) {
		long got = sys(SYS_readlink, "/proc/self/exe", program, sizeof program);

		path = program;
		length = failed(got) ? 0 : (size_t)got;
	}
	/* The base is what is added to addresses as linked. */
	asmrewrite_trace_log(RECORD_MODULE, module->dlpi_addr, module->dlpi_addr + high, path, length);
	return 0;
}

void asmrewrite_trace_tell_modules(void)
{
	unsigned long long number = 0;

	dl_iterate_phdr(tell, &number);
	told = number;
}
