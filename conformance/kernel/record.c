// What each relpoline site calls, counted: kernel/asmrewrite_record.c of a kernel that is built with slow=record.
//
// The stub of a site puts the address of its record in .relpoline_sites into %r11, which no call may rely on, and
// jumps to __asmrewrite_record_REG, which counts (record, target) and goes on to the thunk. It runs wherever a site
// may be, interrupts and NMIs included: it takes no lock, calls nothing, and is neither traced nor probed. A pair that
// finds no room in its PROBES places is counted as lost.
//
// debugfs: asmrewrite/calls, a line for each pair: address of the record, of the target, calls; and `lost N`.
#include <linux/debugfs.h>
#include <linux/export.h>
#include <linux/init.h>
#include <linux/kprobes.h>
#include <linux/seq_file.h>

#define PLACES (1 << 16)
#define PROBES 128

struct pair {
	const int *record;
	unsigned long target;
	unsigned long calls;
};

static struct pair pairs[PLACES];
static unsigned long lost;

// A place belongs to the record that is swapped into it; who reads it between that and the store of the target takes
// it for another pair's and goes on to the next, so a pair may have two places: their counts are added up by who reads.
__visible notrace void asmrewrite_count(const int *record, unsigned long target)
{
	unsigned long hash = ((unsigned long)record >> 2) * 0x9e3779b97f4a7c15ul + target * 0xc2b2ae3d27d4eb4ful;
	int probe;

	for (probe = 0; probe < PROBES; probe++) {
		struct pair *pair = &pairs[((hash >> 40) + probe) % PLACES];
		const int *there = READ_ONCE(pair->record);

		if (!there) {
			there = cmpxchg(&pair->record, NULL, record);
			if (!there) {
				WRITE_ONCE(pair->target, target);
				there = record;
			}
		}
		if (there == record && READ_ONCE(pair->target) == target) {
			asm volatile("lock; incq %0" : "+m"(pair->calls));
			return;
		}
	}
	asm volatile("lock; incq %0" : "+m"(lost));
}
NOKPROBE_SYMBOL(asmrewrite_count);

// rsp and r11 hold no target: the stack pointer never does, and r11 has the record.
#define RECORDER(reg)                                                                                                 \
	void __asmrewrite_record_##reg(void);                                                                         \
	asm(".pushsection .text, \"ax\"\n"                                                                            \
	    ".globl __asmrewrite_record_" #reg "\n"                                                                   \
	    ".type __asmrewrite_record_" #reg ", @function\n"                                                         \
	    "__asmrewrite_record_" #reg ":\n"                                                                         \
	    "push %rax\n push %rcx\n push %rdx\n push %rsi\n push %rdi\n push %r8\n push %r9\n push %r10\n"           \
	    "mov %" #reg ", %rax\n mov %r11, %rdi\n mov %rax, %rsi\n"                                                 \
	    "call asmrewrite_count\n"                                                                                 \
	    "pop %r10\n pop %r9\n pop %r8\n pop %rdi\n pop %rsi\n pop %rdx\n pop %rcx\n pop %rax\n"                   \
	    "jmp __x86_indirect_thunk_" #reg "\n int3\n"                                                              \
	    ".size __asmrewrite_record_" #reg ", .-__asmrewrite_record_" #reg "\n"                                    \
	    ".popsection\n");                                                                                         \
	EXPORT_SYMBOL(__asmrewrite_record_##reg)

RECORDER(rax);
RECORDER(rbx);
RECORDER(rcx);
RECORDER(rdx);
RECORDER(rsi);
RECORDER(rdi);
RECORDER(rbp);
RECORDER(r8);
RECORDER(r9);
RECORDER(r10);
RECORDER(r12);
RECORDER(r13);
RECORDER(r14);
RECORDER(r15);

static int calls_show(struct seq_file *file, void *unused)
{
	int place;

	for (place = 0; place < PLACES; place++) {
		const int *record = pairs[place].record;

		if (record && pairs[place].calls)
			seq_printf(file, "%lx %lx %lu\n", (unsigned long)record, pairs[place].target, pairs[place].calls);
	}
	seq_printf(file, "lost %lu\n", lost);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(calls);

static int __init calls_init(void)
{
	debugfs_create_file("calls", 0400, debugfs_create_dir("asmrewrite", NULL), NULL, &calls_fops);
	return 0;
}
late_initcall(calls_init);
