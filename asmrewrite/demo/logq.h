/*
 * logq, a small query engine for logs: the structures its files share.
 *
 * A line of text becomes a row of typed cells; a query such as
 *
 *     status >= 400 && path ~ "api" | group path sum bytes | sort -count | limit 3
 *
 * becomes a chain of stages, and each row is pushed through the chain.
 */
#ifndef LOGQ_H
#define LOGQ_H

#include <stddef.h>
#include <stdint.h>

enum { MAX_COLUMNS = 8 };

/* Strings are interned: two cells hold equal strings if the pointers are equal. */
union value {
	long num;
	const char *str;
};

struct type {
	const char *name;
	int (*parse)(const char *text, union value *out);
	int (*compare)(union value a, union value b);
	uint64_t (*hash)(union value v);
	void (*format)(union value v, char *out, size_t size);
};

extern const struct type int_type, str_type;

struct schema {
	int count;
	struct column {
		const char *name;
		const struct type *type;
	} column[MAX_COLUMNS];
};

struct row {
	union value cell[MAX_COLUMNS];
};

/* Where a query's result goes. */
struct writer {
	const struct writer_ops {
		void (*line)(struct writer *w, const char *text);
		void (*end)(struct writer *w, long rows);
	} *ops;
	uint64_t checksum;
	long lines;
};

/* expr.c */
struct expr;
struct expr *expr_parse(const char **text, const struct schema *schema);
void expr_describe(const struct expr *e, char *out, size_t size);
long expr_eval(const struct expr *e, const struct row *row);

/* pipeline.c */
struct stage;
struct stage *pipeline_parse(const char *text, struct schema schema, struct writer *out,
			     struct expr **filter);
void pipeline_push(struct stage *first, const struct row *row);
void pipeline_finish(struct stage *first);

/* main.c */
void *allocate(size_t size);
const char *intern(const char *text, size_t length);
int next_word(const char **text, char *out, size_t size);
int find_column(const struct schema *schema, const char *name);
__attribute__((noreturn, cold)) void die(const char *what, const char *detail);

/* static_calls.c: call __SCT__x; __SCK__x says where it goes. */
enum event { EVENT_ROW, EVENT_PASS, EVENT_GROUP, EVENT_SORT, EVENT_PRINT, EVENT_COUNT };

struct static_call_key {
	void *func;
	const char *name;
};

#define DECLARE_STATIC_CALL(name, ret, ...)                                            \
	__attribute__((visibility("hidden"))) extern ret __SCT__##name(__VA_ARGS__);   \
	extern struct static_call_key __SCK__##name

DECLARE_STATIC_CALL(trace, void, enum event event, long n);
DECLARE_STATIC_CALL(mix, uint64_t, uint64_t sum, uint64_t v);
DECLARE_STATIC_CALL(debug, void, const char *what);

extern long event_counts[EVENT_COUNT];

#endif
