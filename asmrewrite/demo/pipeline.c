/*
 * Pipelines: each stage has a table of functions, takes a row and passes what it
 * makes of it to the next stage, by an indirect tail call where it can.
 */
#include <stdio.h>
#include <string.h>

#include "logq.h"

struct stage {
	const struct stage_ops *ops;
	struct stage *next;
};

struct stage_ops {
	const char *name;
	void (*push)(struct stage *s, const struct row *row);
	void (*finish)(struct stage *s);
};

static void pass(struct stage *s, const struct row *row) { return s->next->ops->push(s->next, row); }
static void pass_finish(struct stage *s) { return s->next->ops->finish(s->next); }

void pipeline_push(struct stage *first, const struct row *row) { return first->ops->push(first, row); }
void pipeline_finish(struct stage *first) { return first->ops->finish(first); }

/* ---- where: rows that satisfy an expression ----------------------------------- */

struct where {
	struct stage stage;
	struct expr *expr;
};

static void where_push(struct stage *s, const struct row *row)
{
	if (!expr_eval(((struct where *)s)->expr, row))
		return;
	__SCT__trace(EVENT_PASS, 1);
	return pass(s, row);
}

static const struct stage_ops where_ops = { "where", where_push, pass_finish };

/* ---- limit: the first rows ------------------------------------------------------ */

struct limit {
	struct stage stage;
	long left;
};

static void limit_push(struct stage *s, const struct row *row)
{
	if (((struct limit *)s)->left-- > 0)
		return pass(s, row);
	return __SCT__debug("row beyond the limit");
}

static const struct stage_ops limit_ops = { "limit", limit_push, pass_finish };

/* ---- group: one row for each value of a column ----------------------------------- */

enum { BUCKETS = 16 };

struct group {
	struct stage stage;
	const struct type *type;
	int key, sum; /* columns; sum is -1 for none */
	struct entry {
		struct entry *next, *later;
		union value key;
		long count, total;
	} *bucket[BUCKETS], *first, **last;
};

static void group_push(struct stage *s, const struct row *row)
{
	struct group *g = (struct group *)s;
	union value key = row->cell[g->key];
	struct entry **slot = &g->bucket[g->type->hash(key) % BUCKETS], *e = *slot;

	while (e && g->type->compare(e->key, key))
		e = e->next;
	if (!e) {
		e = allocate(sizeof *e);
		*e = (struct entry){ .next = *slot, .key = key };
		*g->last = *slot = e;
		g->last = &e->later;
	}
	e->count++;
	if (g->sum >= 0)
		e->total += row->cell[g->sum].num;
	return __SCT__trace(EVENT_GROUP, 1);
}

static void group_finish(struct stage *s)
{
	for (struct entry *e = ((struct group *)s)->first; e; e = e->later) {
		struct row row = { { e->key, { e->count }, { e->total } } };

		s->next->ops->push(s->next, &row);
	}
	return pass_finish(s);
}

static const struct stage_ops group_ops = { "group", group_push, group_finish };

/* ---- sort: a stable insertion sort with the type's comparator ------------------------ */

struct sort {
	struct stage stage;
	int (*compare)(union value a, union value b);
	int column, sign;
	struct cell {
		struct cell *next;
		struct row row;
	} *first;
	long count;
};

static void sort_push(struct stage *s, const struct row *row)
{
	struct sort *sort = (struct sort *)s;
	struct cell *c = allocate(sizeof *c), **at = &sort->first;
	int column = sort->column;

	while (*at && sort->sign * sort->compare((*at)->row.cell[column], row->cell[column]) <= 0)
		at = &(*at)->next;
	c->row = *row;
	c->next = *at;
	*at = c;
	sort->count++;
}

static void sort_finish(struct stage *s)
{
	struct sort *sort = (struct sort *)s;

	__SCT__trace(EVENT_SORT, sort->count);
	for (struct cell *c = sort->first; c; c = c->next)
		s->next->ops->push(s->next, &c->row);
	return pass_finish(s);
}

static const struct stage_ops sort_ops = { "sort", sort_push, sort_finish };

/* ---- print: the end of every pipeline -------------------------------------------------- */

struct print {
	struct stage stage;
	struct schema schema;
	struct writer *out;
	long rows;
};

static void print_push(struct stage *s, const struct row *row)
{
	struct print *p = (struct print *)s;
	char line[256];
	size_t used = 0;

	for (int i = 0; i < p->schema.count; i++) {
		const struct type *type = p->schema.column[i].type;
		char cell[64];

		type->format(row->cell[i], cell, sizeof cell);
		used += (size_t)snprintf(line + used, sizeof line - used, "%s%-12s", i ? " " : "", cell);
		if (used >= sizeof line)
			break;
		p->out->checksum = __SCT__mix(p->out->checksum, type->hash(row->cell[i]));
	}
	p->rows++;
	__SCT__trace(EVENT_PRINT, 1);
	return p->out->ops->line(p->out, line);
}

static void print_finish(struct stage *s)
{
	struct print *p = (struct print *)s;

	return p->out->ops->end(p->out, p->rows);
}

static const struct stage_ops print_ops = { "print", print_push, print_finish };

/* ---- the text of a query ----------------------------------------------------------------- */

/* A stage reads its arguments, and may change the schema for those after it. */
typedef struct stage *parse_fn(const char **text, struct schema *schema);

static struct stage *parse_limit(const char **text, struct schema *schema)
{
	struct limit *l = allocate(sizeof *l);
	char word[32];
	union value n;

	(void)schema;
	if (!next_word(text, word, sizeof word) || !int_type.parse(word, &n))
		die("limit needs a number", *text);
	*l = (struct limit){ { &limit_ops, NULL }, n.num };
	return &l->stage;
}

static struct stage *parse_group(const char **text, struct schema *schema)
{
	struct group *g = allocate(sizeof *g);
	struct column key;
	char word[32];

	next_word(text, word, sizeof word);
	*g = (struct group){ .stage.ops = &group_ops, .key = find_column(schema, word), .sum = -1 };
	g->last = &g->first;
	key = schema->column[g->key];
	g->type = key.type;
	if (next_word(text, word, sizeof word)) {
		if (strcmp(word, "sum") || !next_word(text, word, sizeof word))
			die("expected sum COLUMN, found", word);
		g->sum = find_column(schema, word);
		if (schema->column[g->sum].type != &int_type)
			die("cannot add up", word);
	}
	*schema = (struct schema){ g->sum < 0 ? 2 : 3,
				   { key, { "count", &int_type }, { "total", &int_type } } };
	return &g->stage;
}

static struct stage *parse_sort(const char **text, struct schema *schema)
{
	struct sort *s = allocate(sizeof *s);
	char word[32];
	int down;

	next_word(text, word, sizeof word);
	down = word[0] == '-';
	*s = (struct sort){ .stage.ops = &sort_ops, .sign = down ? -1 : 1 };
	s->column = find_column(schema, word + down);
	s->compare = schema->column[s->column].type->compare;
	return &s->stage;
}

static struct stage *parse_where(const char **text, struct schema *schema)
{
	struct where *w = allocate(sizeof *w);

	*w = (struct where){ { &where_ops, NULL }, expr_parse(text, schema) };
	return &w->stage;
}

static const struct {
	const char *name;
	parse_fn *parse;
} parsers[] = {
	{ "where", parse_where }, { "limit", parse_limit }, { "group", parse_group }, { "sort", parse_sort },
};

static struct stage *parse_stage(const char **text, struct schema *schema)
{
	char word[32] = "";

	next_word(text, word, sizeof word);
	for (size_t i = 0; i < sizeof parsers / sizeof parsers[0]; i++)
		if (!strcmp(word, parsers[i].name))
			return parsers[i].parse(text, schema);
	die("no such stage:", word);
}

/* EXPRESSION { "|" STAGE }; *filter is the expression, for whoever wants to print it. */
struct stage *pipeline_parse(const char *text, struct schema schema, struct writer *out,
			     struct expr **filter)
{
	struct stage *first = parse_where(&text, &schema), *last = first;
	struct print *print = allocate(sizeof *print);

	*filter = ((struct where *)first)->expr;
	for (; *(text += strspn(text, " \t\n")) == '|'; last = last->next) {
		text++;
		last->next = parse_stage(&text, &schema);
	}
	if (*text)
		die("unexpected text in a query:", text);
	*print = (struct print){ { &print_ops, NULL }, schema, out, 0 };
	last->next = &print->stage;
	return first;
}
