/* arguments.h - the arguments of a marker: what its format says they are, and their words in an event. */
#ifndef TRACE_ARGUMENTS_H
#define TRACE_ARGUMENTS_H

#include <stdarg.h>
#include <stdint.h>

#define ARGUMENTS_MAX	16
/* Words that an event has room for: one in its first unit, three in each other. */
#define WORDS_MAX	(1 + 3 * 31)

enum argument {
	ARGUMENT_WORD,
	ARGUMENT_DOUBLE,
	ARGUMENT_LONG_DOUBLE,
	ARGUMENT_TEXT,		/* ends at its 0 */
	ARGUMENT_SHORT_TEXT,	/* no longer than the word before says (%.*s), and need not end with 0 */
};

struct plan {
	uint64_t marker;	/* its address */
	uint32_t text_max;
	uint8_t count;
	uint8_t arguments[ARGUMENTS_MAX];
	uint16_t precision[ARGUMENTS_MAX]; /* of a text, bytes (%.8s) */
};

/* Read a format of printf; what follows a conversion that is not known, or the 16th, is not recorded. */
void asmrewrite_trace_plan(struct plan *plan, const char *format);

/*
 * The words: an integer or pointer one, a double its bits, a long double two, and of a string its length in bytes
 * (bit 63: it was longer), then its bytes. Returns how many.
 */
unsigned int asmrewrite_trace_words(const struct plan *plan, va_list *args, uint64_t words[WORDS_MAX]);

#endif
