/*
 * logq: reads a log and queries about it from a file, and prints the answers.
 * Runs everything twice, from the file and from memory, and compares.
 *
 *   gcc -O2 -o demo main.c expr.c pipeline.c static_calls.c && ./demo input.txt
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logq.h"

void die(const char *what, const char *detail)
{
	fprintf(stderr, "logq: %s %s\n", what, detail);
	exit(1);
}

/* Everything lives until the program ends. */
void *allocate(size_t size)
{
	static char *pool;
	static size_t left;
	void *p;

	size = (size + 15) & ~(size_t)15;
	if (size > left) {
		left = size > 1 << 20 ? size : 1 << 20;
		pool = calloc(1, left);
	}
	if (!pool)
		die("out of memory", "");
	p = pool;
	pool += size;
	left -= size;
	return p;
}

/* ---- the types of cells ------------------------------------------------------- */

static uint64_t hash_text(const char *s, size_t length)
{
	uint64_t h = length;

	for (size_t i = 0; i < length; i++)
		h = __SCT__mix(h, (unsigned char)s[i]);
	return h;
}

const char *intern(const char *text, size_t length)
{
	static struct interned {
		struct interned *next;
		char text[];
	} *table[64];
	struct interned **slot = &table[hash_text(text, length) % 64], *i;

	for (i = *slot; i; i = i->next)
		if (!strncmp(i->text, text, length) && !i->text[length])
			return i->text;
	i = allocate(sizeof *i + length + 1);
	memcpy(i->text, text, length);
	i->text[length] = '\0';
	i->next = *slot;
	*slot = i;
	return i->text;
}

static int int_parse(const char *text, union value *out)
{
	char *end;

	out->num = strtol(text, &end, 10);
	return *text && !*end;
}

static int str_parse(const char *text, union value *out)
{
	out->str = intern(text, strlen(text));
	return 1;
}

static int int_compare(union value a, union value b) { return (a.num > b.num) - (a.num < b.num); }
static int str_compare(union value a, union value b) { return strcmp(a.str, b.str); }
static uint64_t int_hash(union value v) { return __SCT__mix(1, (uint64_t)v.num); }
static uint64_t str_hash(union value v) { return hash_text(v.str, strlen(v.str)); }
static void int_format(union value v, char *out, size_t size) { snprintf(out, size, "%ld", v.num); }
static void str_format(union value v, char *out, size_t size) { snprintf(out, size, "%s", v.str); }

const struct type int_type = { "int", int_parse, int_compare, int_hash, int_format };
const struct type str_type = { "str", str_parse, str_compare, str_hash, str_format };

/* ---- where lines come from ------------------------------------------------------- */

struct reader {
	const struct reader_ops {
		const char *name;
		int (*open)(struct reader *r, const char *path);
		int (*line)(struct reader *r, char *out, size_t size);
		void (*close)(struct reader *r);
	} *ops;
	FILE *file;
	char *text, *at;
};

static int file_open(struct reader *r, const char *path) { return (r->file = fopen(path, "r")) != NULL; }
static int file_line(struct reader *r, char *out, size_t size) { return fgets(out, (int)size, r->file) != NULL; }
static void file_close(struct reader *r) { fclose(r->file); }

static int memory_open(struct reader *r, const char *path)
{
	long size;

	if (!file_open(r, path))
		return 0;
	fseek(r->file, 0, SEEK_END);
	size = ftell(r->file);
	rewind(r->file);
	if (size < 0 || !(r->at = r->text = malloc((size_t)size + 1)))
		die("cannot load", path);
	r->text[fread(r->text, 1, (size_t)size, r->file)] = '\0';
	fclose(r->file);
	return 1;
}

static int memory_line(struct reader *r, char *out, size_t size)
{
	size_t length = strcspn(r->at, "\n"), kept = length < size ? length : size - 1;

	if (!*r->at)
		return 0;
	memcpy(out, r->at, kept);
	out[kept] = '\0';
	r->at += length + (r->at[length] == '\n');
	return 1;
}

static void memory_close(struct reader *r) { return free(r->text); }

static const struct reader_ops file_reader = { "file", file_open, file_line, file_close };
static const struct reader_ops memory_reader = { "memory", memory_open, memory_line, memory_close };

/* ---- where answers go --------------------------------------------------------------- */

static void show_line(struct writer *w, const char *text)
{
	w->lines++;
	printf("    %s\n", text);
}

static void show_end(struct writer *w, long rows)
{
	printf("    -- %ld rows, checksum %016llx\n", rows, (unsigned long long)w->checksum);
}

static void count_line(struct writer *w, const char *text)
{
	(void)text;
	w->lines++;
}

static void count_end(struct writer *w, long rows)
{
	(void)w, (void)rows;
	return __SCT__debug("end of a silent query");
}

static const struct writer_ops show_writer = { show_line, show_end };
static const struct writer_ops count_writer = { count_line, count_end };

/* ---- the log ------------------------------------------------------------------------- */

enum { MAX_ROWS = 256 };

struct log {
	struct schema schema;
	struct row row[MAX_ROWS];
	long rows;
};

int next_word(const char **text, char *out, size_t size)
{
	const char *start = *text + strspn(*text, " \t\n");
	size_t length = strcspn(start, " \t\n|");

	*text = start + length;
	if (length >= size)
		die("word too long:", start);
	memcpy(out, start, length);
	out[length] = '\0';
	return length > 0;
}

int find_column(const struct schema *schema, const char *name)
{
	for (int i = 0; i < schema->count; i++)
		if (!strcmp(schema->column[i].name, name))
			return i;
	die("no such column:", name);
}

static void read_columns(struct log *log, const char *text)
{
	char word[32], *colon;

	while (next_word(&text, word, sizeof word)) {
		struct column *c = &log->schema.column[log->schema.count++];

		if (log->schema.count > MAX_COLUMNS || !(colon = strchr(word, ':')))
			die("bad column:", word);
		c->name = intern(word, (size_t)(colon - word));
		c->type = strcmp(colon + 1, "int") ? &str_type : &int_type;
	}
}

static void read_row(struct log *log, const char *text)
{
	struct row *row = &log->row[log->rows++];
	char word[64];

	if (log->rows > MAX_ROWS)
		die("too many rows", "");
	for (int i = 0; i < log->schema.count; i++)
		if (!next_word(&text, word, sizeof word) ||
		    !log->schema.column[i].type->parse(word, &row->cell[i]))
			die("bad cell:", word);
	return __SCT__trace(EVENT_ROW, 1);
}

static void run_query(const struct log *log, const char *text, struct writer *out)
{
	struct expr *filter;
	struct stage *first = pipeline_parse(text, log->schema, out, &filter);
	char line[256];

	expr_describe(filter, line, sizeof line);
	out->ops->line(out, line);
	for (long i = 0; i < log->rows; i++)
		pipeline_push(first, &log->row[i]);
	return pipeline_finish(first);
}

/* Returns the checksum of all answers. */
static uint64_t run(const struct reader_ops *ops, const char *path, struct writer *out)
{
	struct reader reader = { .ops = ops };
	struct log *log = calloc(1, sizeof *log);
	char line[256];

	if (!log || !reader.ops->open(&reader, path))
		die("cannot open", path);
	while (reader.ops->line(&reader, line, sizeof line)) {
		switch (line[0]) {
		case '\0':
		case '\n':
		case '#':
			break;
		case '@':
			read_columns(log, line + 1);
			break;
		case '?':
			if (out->ops == &show_writer)
				printf("%s%s", line, strchr(line, '\n') ? "" : "\n");
			run_query(log, line + 1, out);
			break;
		default:
			read_row(log, line);
		}
	}
	reader.ops->close(&reader);
	free(log);
	return out->checksum;
}

int main(int argc, char **argv)
{
	static const char *const events[] = { "rows", "passed", "grouped", "sorted", "printed" };
	struct writer show = { &show_writer, 1, 0 }, count = { &count_writer, 1, 0 };

	if (argc != 2 && argc != 3)
		die("usage:", "demo INPUT [TIMES]");
	for (int times = argc == 3 ? atoi(argv[2]) : 1; times > 1; times--) {
		struct writer again = { &count_writer, 1, 0 };

		run(&memory_reader, argv[1], &again);
	}
	if (run(&file_reader, argv[1], &show) != run(&memory_reader, argv[1], &count) || show.lines != count.lines)
		die("two readers, two answers:", argv[1]);
	for (int i = 0; i < EVENT_COUNT; i++)
		printf("%-8s %ld\n", events[i], event_counts[i]);
	printf("trace by %s, mix by %s, debug by %s\n", __SCK__trace.name, __SCK__mix.name, __SCK__debug.name);
	printf("checksum %016llx\nok\n", (unsigned long long)show.checksum);
	return 0;
}
