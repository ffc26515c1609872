/* main.c - every shape in every phase: keys off, each on in turn, all on, and at random; markers likewise.
 *
 * Prints a line for each phase and shape: the sum of what it returned for several arguments, and what probes saw.
 */
#include "keys.h"

#define MOST	1000

static const struct shape *shapes[MOST];
static const struct listed_key *keys[64];
static size_t shape_count, key_count;
static unsigned long seen;

extern const struct shape __start_corpus_shapes[], __stop_corpus_shapes[];
extern const struct listed_key __start_corpus_keys[], __stop_corpus_keys[];

static void add_shape(const struct shape *shape) { shapes[shape_count++] = shape; }
static void add_key(const struct listed_key *key) { keys[key_count++] = key; }

static int by_name(const void *a, const void *b)
{
	return strcmp((*(const struct shape *const *)a)->name, (*(const struct shape *const *)b)->name);
}

static void probe(const struct asmrewrite_marker *marker, void *data, const char *format, va_list *arguments)
{
	char text[200];

	vsnprintf(text, sizeof text, format, *arguments);
	for (const char *c = text; *c; c++)
		seen = seen * 31 + (unsigned char)*c;
	seen += strlen(marker->name) + (size_t)data;
}

static void phase(const char *name)
{
	static const long arguments[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 13, 100, -7 };

	for (size_t i = 0; i < shape_count; i++) {
		unsigned long sum = 0;

		seen = 0;
		for (size_t k = 0; k < sizeof arguments / sizeof *arguments; k++)
			sum = sum * 1000003 + (unsigned long)shapes[i]->run(arguments[k]);
		printf("%s %s %lx %lx\n", name, shapes[i]->name, sum, seen);
	}
}

static void set(unsigned long bits)
{
	for (size_t i = 0; i < key_count; i++)
		static_branch_batch_set(keys[i]->key, bits >> i & 1);
	static_branch_batch_end();
}

int main(void)
{
	unsigned long seed = 12345;
	char name[64];

	for (const struct shape *s = __start_corpus_shapes; s < __stop_corpus_shapes; s++)
		add_shape(s);
	for (const struct listed_key *k = __start_corpus_keys; k < __stop_corpus_keys; k++)
		add_key(k);
	library_list(add_shape, add_key);
	qsort(shapes, shape_count, sizeof *shapes, by_name);
	qsort(keys, key_count, sizeof *keys, by_name);
	phase("defined");
	set(0);
	phase("off");
	for (size_t i = 0; i < key_count; i++) {
		set(1ul << i);
		snprintf(name, sizeof name, "only %s", keys[i]->name);
		phase(name);
	}
	set(~0ul);
	phase("on");
	if (marker_connect("corpus_*", probe, (void *)5) < 30)
		puts("few markers");
	phase("probed");
	for (int i = 0; i < 12; i++) {
		seed = seed * 6364136223846793005ul + 1442695040888963407ul;
		set(seed >> 40);
		if (seed >> 30 & 1)
			marker_connect("corpus_[a-l]*", probe, (void *)7);
		else
			marker_disconnect("corpus_[a-l]*", probe, (void *)7);
		if (seed >> 31 & 1)
			marker_disconnect("corpus_*", probe, (void *)5);
		else
			marker_connect("corpus_*", probe, (void *)5);
		snprintf(name, sizeof name, "random %d", i);
		phase(name);
	}
	return 0;
}
