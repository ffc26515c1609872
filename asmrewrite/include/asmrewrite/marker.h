/* asmrewrite/marker.h - places in a program that probes can be connected to while it runs, and that cost nothing until then.
 *
 *	MARK(net_send, "fd %d size %zu", fd, size);	a marker: name, printf format, arguments
 *	MARK_SYM(after_lock);				a symbol at just this place, __mark_after_lock
 *
 *	void probe(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments);
 *
 *	n = marker_connect("net_*", probe, data);	how many markers it was connected to: by name, by glob, or by
 *	n = marker_connect("net.c:120", probe, data);	file:line, which may be globs too
 *	n = marker_disconnect("net_*", probe, data);
 *	marker_each(function, data);			every marker of every module
 *
 * After the Linux kernel's markers (Desnoyers, 2006). The arguments are evaluated, and the format is looked at, only when
 * a probe is connected; the compiler checks them always. Several probes can be connected to a marker, and several places
 * have the same name. Without asmrewrite the same source works by a load and a branch for each marker, and reaches the
 * markers of its own module only. When marker_disconnect() returns, a thread may still be inside of the probe.
 *
 * From any thread while others run through the markers. A module (program or shared object) that connects probes must
 * have the runtime if any module has it.
 */
#ifndef ASMREWRITE_MARKER_H
#define ASMREWRITE_MARKER_H

#include <fnmatch.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "static_key.h"

#ifdef __cplusplus
extern "C" {
#endif

struct asmrewrite_marker;
typedef void marker_probe(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments);

/* A connected probe; `only` is the marker that it is for, NULL for all of the name. */
struct asmrewrite_probe {
	marker_probe *function;		/* NULL ends the array */
	void *data;
	const struct asmrewrite_marker *only;
};

/* One for a name in a module. Arrays of probes are replaced as a whole, and kept: a thread may be reading them. */
struct asmrewrite_marker_key {
	unsigned char on;		/* first, as in a static key */
	const struct asmrewrite_probe *probes;
};

/* One for a place, in the section asmrewrite_markers. */
struct asmrewrite_marker {
	struct asmrewrite_marker_key *key;	/* NULL for a MARK_SYM */
	const char *name;
	const char *format;
	const char *file;
	unsigned long line;
	const void *at;				/* of a MARK_SYM; else NULL */
};

extern const struct asmrewrite_marker __start_asmrewrite_markers[] __attribute__((weak, visibility("hidden")));
extern const struct asmrewrite_marker __stop_asmrewrite_markers[] __attribute__((weak, visibility("hidden")));

/* The runtime's: the same for all modules. */
extern size_t asmrewrite_markers_change(const char *pattern, marker_probe *function, void *data, int connect)
	__attribute__((weak, visibility("hidden")));
extern void asmrewrite_markers_each(void (*function)(const struct asmrewrite_marker *, void *), void *data)
	__attribute__((weak, visibility("hidden")));

__attribute__((weak, visibility("hidden"), cold, noinline, format(printf, 2, 3))) void
asmrewrite_marker_hit(const struct asmrewrite_marker *marker, const char *format, ...)
{
	const struct asmrewrite_probe *probe = __atomic_load_n(&marker->key->probes, __ATOMIC_ACQUIRE);
	va_list arguments;

	for (; probe && probe->function; probe++) {
		if (probe->only && probe->only != marker)
			continue;
		va_start(arguments, format);
		probe->function(marker, probe->data, format, &arguments);
		va_end(arguments);
	}
}

/* Whether `pattern` names the marker; *placed: by its place in the source. */
static inline __attribute__((unused)) int
asmrewrite_marker_matches(const struct asmrewrite_marker *marker, const char *pattern, int *placed)
{
	const char *base = strrchr(marker->file, '/');
	char line[24];
	size_t length = strlen(pattern), digits;

	*placed = strchr(pattern, ':') != NULL;
	if (!marker->key)
		return 0;
	if (!*placed)
		return !fnmatch(pattern, marker->name, 0);
	/* "FILE:LINE": the line first, which has no glob but *. */
	digits = (size_t)snprintf(line, sizeof(line), ":%lu", marker->line);
	if (length > digits && !strcmp(pattern + length - digits, line))
		length -= digits;
	else if (length > 2 && !strcmp(pattern + length - 2, ":*"))
		length -= 2;
	else
		return 0;
	char *file = (char *)calloc(length + 1, 1);
	if (file)
		memcpy(file, pattern, length);
	const int matches = file && (!fnmatch(file, marker->file, 0) || !fnmatch(file, base ? base + 1 : marker->file, 0));

	free(file);
	return matches;
}

/* Replace the probes of `marker`'s name; whether there was something to do. */
static inline __attribute__((unused)) int
asmrewrite_marker_change(const struct asmrewrite_marker *marker, marker_probe *function, void *data, int placed, int connect)
{
	struct asmrewrite_marker_key *key = marker->key;
	const struct asmrewrite_marker *only = placed ? marker : NULL;
	const struct asmrewrite_probe *old = __atomic_load_n(&key->probes, __ATOMIC_ACQUIRE);
	struct asmrewrite_probe *made;
	unsigned char on;

	do {
		size_t count = 0, kept = 0, i;
		int known = 0;

		while (old && old[count].function)
			count++;
		made = (struct asmrewrite_probe *)calloc(count + 2, sizeof(*made));
		if (!made)
			return 0;
		for (i = 0; i < count; i++) {
			const int same = old[i].function == function && old[i].data == data && old[i].only == only;

			known |= same;
			if (!same || connect)
				made[kept++] = old[i];
		}
		if (known == connect) {
			free(made);
			return 0;
		}
		if (connect) {
			made[kept].function = function;
			made[kept].data = data;
			made[kept].only = only;
		}
	} while (!__atomic_compare_exchange_n(&key->probes, &old, made, 0, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE) &&
		 (free(made), 1));
	do {
		old = __atomic_load_n(&key->probes, __ATOMIC_SEQ_CST);
		on = old[0].function != NULL;
		__atomic_store_n(&key->on, on, __ATOMIC_SEQ_CST);
	} while (old != __atomic_load_n(&key->probes, __ATOMIC_SEQ_CST));
	return 1;
}

/* The same for all markers of [begin, end) that `pattern` names; returns how many they are. Sites are not brought along. */
static inline __attribute__((unused)) size_t
asmrewrite_markers_change_in(const struct asmrewrite_marker *begin, const struct asmrewrite_marker *end, const char *pattern,
			     marker_probe *function, void *data, int connect)
{
	size_t matching = 0;
	int placed;

	for (; begin < end; begin++)
		if (asmrewrite_marker_matches(begin, pattern, &placed)) {
			asmrewrite_marker_change(begin, function, data, placed, connect);
			matching++;
		}
	return matching;
}

static inline __attribute__((unused)) size_t marker_connect(const char *pattern, marker_probe *function, void *data)
{
	if (asmrewrite_markers_change)
		return asmrewrite_markers_change(pattern, function, data, 1);
	return asmrewrite_markers_change_in(__start_asmrewrite_markers, __stop_asmrewrite_markers, pattern, function, data, 1);
}

static inline __attribute__((unused)) size_t marker_disconnect(const char *pattern, marker_probe *function, void *data)
{
	if (asmrewrite_markers_change)
		return asmrewrite_markers_change(pattern, function, data, 0);
	return asmrewrite_markers_change_in(__start_asmrewrite_markers, __stop_asmrewrite_markers, pattern, function, data, 0);
}

static inline __attribute__((unused)) void
marker_each(void (*function)(const struct asmrewrite_marker *, void *), void *data)
{
	const struct asmrewrite_marker *marker;

	if (asmrewrite_markers_each)
		asmrewrite_markers_each(function, data);
	else
		for (marker = __start_asmrewrite_markers; marker < __stop_asmrewrite_markers; marker++)
			function(marker, data);
}

#ifdef __cplusplus
}
#endif

#define ASMREWRITE_TEXT(x)	ASMREWRITE_TEXT_(x)
#define ASMREWRITE_TEXT_(x)	#x

/* A place's entry, labelled 771; `key` and `at` as the assembler reads them. Not C, because a template's statics cannot
 * share a section with others'. gcc takes no symbol as an operand in position-independent code, and without operands `%`
 * is the format's own; clang's assembler joins no strings, as a format with PRIu64 has them.
 */
#ifdef __clang__
#define ASMREWRITE_FORMAT(format)
#define ASMREWRITE_FORMAT_AT		"%c0"
#define ASMREWRITE_OPERANDS(format)	: : "i"(format)
#else
#define ASMREWRITE_FORMAT(format)	"773:\t.asciz " ASMREWRITE_TEXT(format) "\n"
#define ASMREWRITE_FORMAT_AT		"773b"
#define ASMREWRITE_OPERANDS(format)
#endif

#define ASMREWRITE_ENTRY(name, format, key, at)						\
	".pushsection .rodata.asmrewrite, \"a\", @progbits\n"				\
	"772:\t.asciz " ASMREWRITE_TEXT(name) "\n"					\
	ASMREWRITE_FORMAT(format)							\
	"774:\t.asciz " ASMREWRITE_TEXT(__FILE__) "\n"					\
	"\t.popsection\n"								\
	"\t.pushsection asmrewrite_markers, \"aw\", @progbits\n"			\
	"\t.balign 8\n"									\
	"771:\t.quad " key ", 772b, " ASMREWRITE_FORMAT_AT ", 774b, " ASMREWRITE_TEXT(__LINE__) ", " at "\n"	\
	"\t.popsection"

#define ASMREWRITE_FIRST(...)		ASMREWRITE_FIRST_(__VA_ARGS__, 0)
#define ASMREWRITE_FIRST_(first, ...)	first

/* A marker's entry, and here its key is defined. */
#define ASMREWRITE_PLACE(name, ...)							\
		__asm__ ASMREWRITE_INLINE volatile(					\
			".pushsection .bss.__MARK__" name ", \"awG\", @nobits, __MARK__" name ", comdat\n" \
			"\t.ifndef __MARK__" name "\n"					\
			"\t.weak __MARK__" name "\n"					\
			"\t.hidden __MARK__" name "\n"					\
			"\t.type __MARK__" name ", @object\n"				\
			"\t.size __MARK__" name ", 16\n"				\
			"\t.balign 8\n"							\
			"__MARK__" name ":\t.zero 16\n"					\
			"\t.endif\n"							\
			"\t.popsection\n\t"						\
			ASMREWRITE_ENTRY(name, ASMREWRITE_FIRST(__VA_ARGS__), "__MARK__" name, "0")	\
			ASMREWRITE_OPERANDS(ASMREWRITE_FIRST(__VA_ARGS__)))

/* What a marker does when it is hit, where probes may throw, and for arguments of any number and size. */
#define ASMREWRITE_CALL(name, ...)							\
		const struct asmrewrite_marker *asmrewrite_marker_here;			\
		ASMREWRITE_PLACE(name, __VA_ARGS__);					\
		/* The number keeps compilers from sharing this with another marker. */	\
		__asm__ ASMREWRITE_INLINE volatile("{leaq\t771b(%%rip), %0|lea\t%0, 771b[rip]}" \
				 : "=r"(asmrewrite_marker_here) : "i"(__COUNTER__));	\
		asmrewrite_marker_hit(asmrewrite_marker_here, __VA_ARGS__)

#if defined(__CET__) && (__CET__ & 2)
#define ASMREWRITE_SHADOW_STACK	1
#endif
#if defined(__x86_64__) && defined(__LP64__) && defined(__SSE2__) && !defined(_SOFT_FLOAT) && !defined(__cplusplus) &&	\
	!defined(__EXCEPTIONS) && !defined(__code_model_large__) && !defined(__APX_F__) && !defined(ASMREWRITE_SHADOW_STACK)
#include "marker_enter.h"
#else
#define ASMREWRITE_HIT	ASMREWRITE_CALL
#endif

/* gcc takes what an asm jumps to for as likely as not. */
#ifdef __clang__
#define ASMREWRITE_COLD_LABEL
#else
#define ASMREWRITE_COLD_LABEL	__attribute__((cold))
#endif

/* The asm names the key itself: in a template of a namespace g++ forgets what a declaration is called. */
#ifndef ASMREWRITE_ASM_GOTO
#define MARK(name, ...)									\
	do {										\
		_Pragma("clang diagnostic push")					\
		_Pragma("clang diagnostic ignored \"-Wundefined-internal\"")		\
		extern struct asmrewrite_marker_key __MARK__##name			\
			__asm__("__MARK__" #name) __attribute__((visibility("hidden")));	\
		_Pragma("clang diagnostic pop")						\
		if (ASMREWRITE_UNLIKELY(__MARK__##name.on)) {				\
			ASMREWRITE_HIT(#name, __VA_ARGS__);				\
		}									\
	} while (0)
#else
#define MARK(name, ...)									\
	__extension__ ({								\
		__label__ asmrewrite_is_hit;						\
		__asm__ ASMREWRITE_INLINE goto(						\
			"{cmpb\t$0, __MARK__" #name "(%%rip)|cmp\tbyte ptr __MARK__" #name "[rip], 0}\n" \
			"\tjne\t%l0" : : : "cc" : asmrewrite_is_hit);			\
		if (0) {								\
		asmrewrite_is_hit: ASMREWRITE_COLD_LABEL;				\
			ASMREWRITE_HIT(#name, __VA_ARGS__);				\
		}									\
		(void)0;								\
	})
#endif

#define MARK_SYM(name)									\
	do {										\
		__asm__ volatile("" ::: "memory");					\
		__asm__ ASMREWRITE_INLINE volatile("775:\n\t"				\
			".pushsection .rodata.asmrewrite, \"a\", @progbits\n"		\
			"\t.ifndef __mark_" #name "\n"					\
			"\t.set __mark_" #name ", 775b\n"				\
			"\t.endif\n"							\
			"\t.popsection\n\t"						\
			ASMREWRITE_ENTRY(#name, "", "0", "775b")			\
			ASMREWRITE_OPERANDS(""));					\
		__asm__ volatile("" ::: "memory");					\
	} while (0)

#endif
