/* static_call.c - sites whose target the program changes (include/asmrewrite/static_call.h).
 *
 * A key says what its sites are. A change is written to the key first; then every module's runtime is told, and
 * brings those of its sites that differ to what their keys say, under its own lock. So the last of several changes
 * wins everywhere, and a module that is loaded meanwhile reads the keys when it starts.
 */
#define _GNU_SOURCE
#include "asmrewrite/static_call.h"

#include <elf.h>
#include <link.h>
#include <sys/mman.h>

#include "asmrewrite/abi.h"
#include "note.h"
#include "static_sites.h"
#include "system.h"

struct static_site {
	unsigned char *at;
	const struct asmrewrite_static_call *key;
	const unsigned char *first;	/* where it led: the trampoline, or the way there */
	unsigned char now[6];		/* the instruction as it is */
	uint8_t size;
	uint8_t refusal;
};

static struct static_site *sites;
static size_t count;

/* entry.S: function(argument), without an unprotected indirect call. */
void asmrewrite_call(void (*function)(void), const void *argument);

/* The key that a trampoline jumps by: movq or, relaxed by the linker, leaq KEY(%rip), %r11. */
static const struct asmrewrite_static_call *key_of_trampoline(const unsigned char *code)
{
	int32_t distance;

	if (code[0] == 0xf3 && code[1] == 0x0f && code[2] == 0x1e)
		code += 4;	/* endbr64 */
	if (code[0] != 0x4c || (code[1] != 0x8b && code[1] != 0x8d) || code[2] != 0x1d)
		return NULL;
	copy_bytes(&distance, code + 3, 4);
	const void *place = code + 7 + distance;

	return code[1] == 0x8d ? place : *(const struct asmrewrite_static_call *const *)place;
}

static const unsigned char *destination(const struct static_site *site)
{
	int32_t distance;

	copy_bytes(&distance, site->now + site->size - 4, 4);
	return site->at + site->size + distance;
}

bool asmrewrite_static_read(uintptr_t *low, uintptr_t *high)
{
	const struct asmrewrite_site *record;
	size_t found = 0;

	for (record = asmrewrite_sites_begin; record < asmrewrite_sites_end; record++)
		found += record->pass == ASMREWRITE_STATIC_CALL;
	if (!found)
		return false;
	long made = sys(SYS_mmap, 0, found * sizeof(*sites), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (failed(made))
		return false;
	sites = (struct static_site *)made;
	for (record = asmrewrite_sites_begin; record < asmrewrite_sites_end; record++) {
		if (record->pass != ASMREWRITE_STATIC_CALL || record->version != ASMREWRITE_ABI_VERSION)
			continue;
		struct static_site *site = &sites[count];
		const void *named = *(const void *const *)((const char *)&record->dest + record->dest);

		site->at = (unsigned char *)&record->site + record->site;
		site->size = record->form == ASMREWRITE_FORM_JCC ? 6 : 5;
		copy_bytes(site->now, site->at, site->size);
		site->key = record->flags & ASMREWRITE_FLAG_KEY_IS_TRAMPOLINE ? key_of_trampoline(named) : named;
		const bool recorded = record->form == ASMREWRITE_FORM_CALL ? site->now[0] == 0xe8 :
				      record->form == ASMREWRITE_FORM_JMP  ? site->now[0] == 0xe9 :
					site->now[0] == 0x0f && site->now[1] >> 4 == 8;

		/* Another's key or trampoline, or text that is not what the table says, is left alone. */
		if (!recorded || !site->key || (uint64_t)site->key->kind >> 32 != ASMREWRITE_CALL_FUNCTION >> 32)
			continue;
		site->first = destination(site);
		count++;
		if ((uintptr_t)site->at < *low)
			*low = (uintptr_t)site->at;
		if ((uintptr_t)site->at + site->size > *high)
			*high = (uintptr_t)site->at + site->size;
	}
	return count;
}

/* The instruction that `site` must be. */
static void wanted(const struct static_site *site, unsigned char *bytes)
{
	static const unsigned char nothing[5] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
	static const unsigned char zero[5] = { 0x66, 0x66, 0x48, 0x31, 0xc0 };	/* xorq %rax, %rax */
	const long kind = __atomic_load_n(&site->key->kind, __ATOMIC_RELAXED);
	const unsigned char *target = __atomic_load_n((unsigned char *const *)&site->key->func, __ATOMIC_ACQUIRE);
	const unsigned char *end = site->at + site->size;
	const bool call = site->size == 5 && site->now[0] != 0xe9;

	if (call && kind != ASMREWRITE_CALL_FUNCTION) {
		copy_bytes(bytes, kind == ASMREWRITE_CALL_NULL ? nothing : zero, 5);
		return;
	}
	if (target - end != (int32_t)(target - end))
		target = site->first;
	const int32_t distance = (int32_t)(target - end);

	copy_bytes(bytes, site->now, 2);
	if (call)
		bytes[0] = 0xe8;
	copy_bytes(bytes + site->size - 4, &distance, 4);
}

void asmrewrite_static_restore(void)
{
	for (size_t i = 0; i < count; i++) {
		wanted(&sites[i], sites[i].now);
		asmrewrite_code_put(sites[i].at, sites[i].now, sites[i].size);
	}
}

/* Bring all sites to what their keys say. Other modules call it too, through the note in entry.S. */
void asmrewrite_static_refresh(void)
{
	if (!count || asmrewrite_code_lock(true) != CODE_OK)
		return;
	for (size_t i = 0; i < count; i++) {
		struct static_site *site = &sites[i];
		unsigned char before[6];

		copy_bytes(before, site->now, site->size);
		wanted(site, site->now);
		if (same_bytes(before, site->now, site->size))
			continue;
		site->refusal = (uint8_t)asmrewrite_code_replace(site->at, before, site->now, site->size);
		if (site->refusal != CODE_OK)
			copy_bytes(site->now, before, site->size);
	}
	asmrewrite_code_unlock();
}

/* The refresh function of a module's runtime, by its note; NULL when it has none. */
static const void *refresher(const struct dl_phdr_info *module, const ElfW(Phdr) *segment)
{
	const char *place = (const char *)(module->dlpi_addr + segment->p_vaddr), *end = place + segment->p_memsz;

	while (end - place > (ptrdiff_t)sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)place;
		const char *name = place + sizeof(*note), *description = name + ((note->n_namesz + 3) & -4u);

		if (note->n_namesz == sizeof(NOTE_NAME) && note->n_type == NOTE_REFRESH &&
		    same_bytes(name, NOTE_NAME, sizeof(NOTE_NAME))) {
			int32_t distance;

			copy_bytes(&distance, description, 4);
			return description + distance;
		}
		place = description + ((note->n_descsz + segment->p_align - 1) & -segment->p_align);
	}
	return NULL;
}

static int tell(struct dl_phdr_info *module, size_t size, void *nothing)
{
	(void)size, (void)nothing;
	for (int i = 0; i < module->dlpi_phnum; i++) {
		const void *found = module->dlpi_phdr[i].p_type == PT_NOTE ? refresher(module, &module->dlpi_phdr[i]) : NULL;

		if (found)
			asmrewrite_call((void (*)(void))found, NULL);
	}
	return 0;
}

/* The header has written the keys. */
void asmrewrite_static_call_batch(const struct asmrewrite_static_call_change *changes, size_t number)
{
	(void)changes, (void)number;
	dl_iterate_phdr(tell, NULL);
	asmrewrite_code_synchronise();
}

size_t asmrewrite_static_count(void)
{
	return count;
}
