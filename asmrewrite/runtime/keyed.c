/* keyed.c - sites that a key decides: static calls (include/asmrewrite/static_call.h), and tests of keys (static_key.h).
 *
 * A key says what its sites are. A change is written to the key first; then every module's runtime is told, and
 * brings those of its sites that differ to what their keys say, under its own lock. So the last of several changes
 * wins everywhere, and a module that is loaded meanwhile reads the keys when it starts.
 */
#define _GNU_SOURCE
#include "asmrewrite/static_call.h"

#include <sys/mman.h>

#include "asmrewrite/abi.h"
#include "keyed.h"
#include "module.h"
#include "system.h"

struct keyed_site {
	unsigned char *at;
	const void *key;		/* struct asmrewrite_static_call, or of a marker the byte that is 0 or 1 */
	const unsigned char *first;	/* where a static call led: the trampoline, or the way there; where a test jumps */
	unsigned char now[6];		/* the instruction as it is */
	uint8_t size;
	uint8_t pass;
	bool jumps_off;			/* a test jumps when its key is off */
	uint8_t refusal;
};

static struct keyed_site *sites;
static size_t count;

static const unsigned char nothing[5] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };

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

static const unsigned char *destination(const struct keyed_site *site)
{
	int32_t distance;

	copy_bytes(&distance, site->now + site->size - 4, 4);
	return site->at + site->size + distance;
}

static bool is_keyed(const struct asmrewrite_site *record)
{
	return (record->pass == ASMREWRITE_STATIC_CALL || record->pass == ASMREWRITE_MARKER) &&
	       record->version == ASMREWRITE_ABI_VERSION;
}

/* Read a static call's record; false when another's key or trampoline is named, or the text is not what it says. */
static bool read_static_call(struct keyed_site *site, const struct asmrewrite_site *record, const void *named)
{
	const struct asmrewrite_static_call *key =
		record->flags & ASMREWRITE_FLAG_KEY_IS_TRAMPOLINE ? key_of_trampoline(named) : named;
	const bool recorded = record->form == ASMREWRITE_FORM_CALL ? site->now[0] == 0xe8 :
			      record->form == ASMREWRITE_FORM_JMP  ? site->now[0] == 0xe9 :
				site->now[0] == 0x0f && site->now[1] >> 4 == 8;

	site->key = key;
	site->first = destination(site);
	return recorded && key && (uint64_t)key->kind >> 32 == ASMREWRITE_CALL_FUNCTION >> 32;
}

static bool read_marker(struct keyed_site *site, const struct asmrewrite_site *record, const void *named)
{
	site->key = named;
	site->first = (const unsigned char *)&record->slots + record->slots;
	site->jumps_off = record->flags & ASMREWRITE_FLAG_JUMPS_OFF;
	return site->now[0] == 0xe9 && named;
}

bool asmrewrite_keyed_read(uintptr_t *low, uintptr_t *high)
{
	const struct asmrewrite_site *record;
	size_t found = 0;

	for (record = asmrewrite_sites_begin; record < asmrewrite_sites_end; record++)
		found += is_keyed(record);
	if (!found)
		return false;
	long made = sys(SYS_mmap, 0, found * sizeof(*sites), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (failed(made))
		return false;
	sites = (struct keyed_site *)made;
	for (record = asmrewrite_sites_begin; record < asmrewrite_sites_end; record++) {
		struct keyed_site *site = &sites[count];
		const void *named = is_keyed(record) ?
			*(const void *const *)((const char *)&record->dest + record->dest) : NULL;

		if (!is_keyed(record))
			continue;
		site->at = (unsigned char *)&record->site + record->site;
		site->pass = record->pass;
		site->size = record->form == ASMREWRITE_FORM_JCC ? 6 : 5;
		copy_bytes(site->now, site->at, site->size);
		if (record->pass == ASMREWRITE_MARKER ? !read_marker(site, record, named) : !read_static_call(site, record, named))
			continue;
		count++;
		if ((uintptr_t)site->at < *low)
			*low = (uintptr_t)site->at;
		if ((uintptr_t)site->at + site->size > *high)
			*high = (uintptr_t)site->at + site->size;
	}
	return count;
}

/* A test's instruction: a jump where its branch would be taken, else a nop. */
static void wanted_of_marker(const struct keyed_site *site, unsigned char *bytes)
{
	const int32_t distance = (int32_t)(site->first - (site->at + 5));

	if (!__atomic_load_n((const unsigned char *)site->key, __ATOMIC_ACQUIRE) == !site->jumps_off) {
		copy_bytes(bytes, nothing, 5);
		return;
	}
	bytes[0] = 0xe9;
	copy_bytes(bytes + 1, &distance, 4);
}

/* A static call's instruction. */
static void wanted_of_call(const struct keyed_site *site, unsigned char *bytes)
{
	const struct asmrewrite_static_call *key = site->key;
	static const unsigned char zero[5] = { 0x66, 0x66, 0x48, 0x31, 0xc0 };	/* xorq %rax, %rax */
	const long kind = __atomic_load_n(&key->kind, __ATOMIC_RELAXED);
	const unsigned char *target = __atomic_load_n((unsigned char *const *)&key->func, __ATOMIC_ACQUIRE);
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

/* The instruction that `site` must be. */
static void wanted(const struct keyed_site *site, unsigned char *bytes)
{
	if (site->pass == ASMREWRITE_MARKER)
		wanted_of_marker(site, bytes);
	else
		wanted_of_call(site, bytes);
}

void asmrewrite_keyed_restore(void)
{
	for (size_t i = 0; i < count; i++) {
		wanted(&sites[i], sites[i].now);
		asmrewrite_code_put(sites[i].at, sites[i].now, sites[i].size);
	}
}

/* Other modules call it too (module.h). */
void asmrewrite_keyed_refresh(void)
{
	if (!count || asmrewrite_code_lock(true) != CODE_OK)
		return;
	for (size_t i = 0; i < count; i++) {
		struct keyed_site *site = &sites[i];
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

/* The header has written the keys. */
void asmrewrite_static_call_batch(const struct asmrewrite_static_call_change *changes, size_t number)
{
	(void)changes, (void)number;
	asmrewrite_refresh_all();
}

size_t asmrewrite_keyed_count(void)
{
	return count;
}
