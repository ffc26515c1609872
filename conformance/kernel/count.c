// A plugin of qemu (version 1 of its interface, 7.2 and newer) that counts how often the instructions at given
// addresses run: `-plugin count.so,places=FILE,out=FILE`; `places` has an address in each line, and `out` gets them
// with their counts. The guest has one processor, since the counters are not locked.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Of qemu-plugin.h, which Debian does not ship.
typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
enum { ADD_U64 };
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void *), void *);
void qemu_plugin_register_vcpu_insn_exec_inline(struct qemu_plugin_insn *, int, void *, uint64_t);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static struct place { uint64_t address, count; } *places;
static size_t number;
static const char *out;

static int order(const void *one, const void *other)
{
	uint64_t a = ((const struct place *)one)->address, b = ((const struct place *)other)->address;

	return a < b ? -1 : a > b;
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
	for (size_t n = 0; n < qemu_plugin_tb_n_insns(block); n++) {
		struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(block, n);
		struct place wanted = {qemu_plugin_insn_vaddr(instruction), 0};
		struct place *found = bsearch(&wanted, places, number, sizeof wanted, order);

		if (found)
			qemu_plugin_register_vcpu_insn_exec_inline(instruction, ADD_U64, &found->count, 1);
	}
}

static void ended(qemu_plugin_id_t id, void *unused)
{
	FILE *file = fopen(out, "w");

	for (size_t n = 0; file && n < number; n++)
		fprintf(file, "%" PRIx64 " %" PRIu64 "\n", places[n].address, places[n].count);
	if (file)
		fclose(file);
}

__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const void *information, int count,
								char **words)
{
	FILE *file = NULL;
	uint64_t address;

	for (int n = 0; n < count; n++) {
		if (!strncmp(words[n], "places=", 7))
			file = fopen(words[n] + 7, "r");
		else if (!strncmp(words[n], "out=", 4))
			out = strdup(words[n] + 4);
	}
	if (!file || !out)
		return 1;
	while (fscanf(file, "%" SCNx64, &address) == 1) {
		places = realloc(places, (number + 1) * sizeof *places);
		places[number++] = (struct place){address, 0};
	}
	fclose(file);
	qsort(places, number, sizeof *places, order);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	qemu_plugin_register_atexit_cb(id, ended, NULL);
	return 0;
}
