/* arguments.c - see arguments.h */
#include "arguments.h"

#include <stdbool.h>
#include <stddef.h>

/* psABI, 3.5.7: what a va_list is. Doubles are fetched from it here: -mgeneral-regs-only knows none. */
struct list {
	uint32_t general, vector;	/* offsets of the next one in `saved` */
	uint64_t *overflow;
	char *saved;
};

#define GENERAL_END	48
#define VECTOR_END	176

static bool one_of(char character, const char *set)
{
	while (*set && *set != character)
		set++;
	return *set;
}

/* One conversion, from behind its %; where its last character is, NULL when it is not known. */
static const char *conversion(struct plan *plan, const char *at)
{
	bool precise = false, starred = false;
	unsigned int precision = 0;
	char length = 0;

	for (; one_of(*at, "-+ #0'123456789.*hlLqjzt"); at++) {
		if (one_of(*at, "hlLqjzt"))
			length = *at;
		else if (*at == '.')
			precise = true;
		else if (precise && *at != '*' && precision < 1000)
			precision = precision * 10 + (unsigned int)(*at - '0');
		if (*at != '*')
			continue;
		starred = precise;
		if (plan->count == ARGUMENTS_MAX)
			return NULL;
		plan->arguments[plan->count++] = ARGUMENT_WORD;
	}
	if (*at == '%' || *at == 'm')
		return at;
	if (!*at || plan->count == ARGUMENTS_MAX)
		return NULL;
	uint8_t *argument = &plan->arguments[plan->count];

	plan->precision[plan->count] = (uint16_t)(precise && !starred ? precision : UINT16_MAX);
	if (one_of(*at, "diouxXcp") || (*at == 's' && length == 'l'))
		*argument = ARGUMENT_WORD;
	else if (*at == 's')
		*argument = starred ? ARGUMENT_SHORT_TEXT : ARGUMENT_TEXT;
	else if (one_of(*at, "eEfFgGaA"))
		*argument = length == 'L' ? ARGUMENT_LONG_DOUBLE : ARGUMENT_DOUBLE;
	else
		return NULL;
	plan->count++;
	return at;
}

void asmrewrite_trace_plan(struct plan *plan, const char *format)
{
	plan->count = 0;
	for (const char *at = format; at && *at; at++)
		if (*at == '%' && !(at = conversion(plan, at + 1)))
			return;
}

static uint64_t next_word(struct list *list)
{
	uint64_t word;

	if (list->general >= GENERAL_END)
		return *list->overflow++;
	word = *(uint64_t *)(list->saved + list->general);
	list->general += 8;
	return word;
}

static uint64_t next_double(struct list *list)
{
	uint64_t bits;

	if (list->vector >= VECTOR_END)
		return *list->overflow++;
	bits = *(uint64_t *)(list->saved + list->vector);
	list->vector += 16;
	return bits;
}

/* Its length, then its bytes: those of `text` up to its 0, no more than `most`, in at most `room` words. */
static unsigned int copy_text(uint64_t *words, unsigned int room, const char *text, uint64_t most, uint64_t kept)
{
	uint64_t length = 0;

	if (!text)
		text = "(null)";
	if (kept > (room - 1) * 8)
		kept = (room - 1) * 8;
	for (; length < most && length < kept && text[length]; length++) {
		if (length % 8 == 0)
			words[1 + length / 8] = 0;
		words[1 + length / 8] |= (uint64_t)(unsigned char)text[length] << length % 8 * 8;
	}
	words[0] = length | (length < most && length == kept && text[length] ? 1UL << 63 : 0);
	return 1 + (unsigned int)((length + 7) / 8);
}

unsigned int asmrewrite_trace_words(const struct plan *plan, va_list *args, uint64_t words[WORDS_MAX])
{
	struct list list = *(struct list *)*args;
	unsigned int count = 0;

	for (unsigned int i = 0; i < plan->count && count + 2 <= WORDS_MAX; i++) {
		uint64_t most = plan->precision[i] == UINT16_MAX ? UINT64_MAX : plan->precision[i];

		switch (plan->arguments[i]) {
		case ARGUMENT_WORD:
			words[count++] = next_word(&list);
			break;
		case ARGUMENT_DOUBLE:
			words[count++] = next_double(&list);
			break;
		case ARGUMENT_LONG_DOUBLE:
			list.overflow = (uint64_t *)(((uintptr_t)list.overflow + 15) & -16UL);
			words[count++] = *list.overflow++;
			words[count++] = *list.overflow++;
			break;
		case ARGUMENT_SHORT_TEXT:	/* a negative precision is none */
			most = (int)words[count - 1] < 0 ? UINT64_MAX : (uint64_t)(int)words[count - 1];
			/* fall through */
		case ARGUMENT_TEXT:
			count += copy_text(words + count, WORDS_MAX - count, (const char *)next_word(&list), most,
					   plan->text_max);
			break;
		}
	}
	return count;
}
