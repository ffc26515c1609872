/* ops.c - traced functions are called by several threads while what is set on them changes as fast as it can.
 *
 *	ops SECONDS THREADS [unsafe]
 *
 * It prints flips, calls, calls that were traced, and what went wrong. With `unsafe` the sites are written one byte after
 * another, which must go wrong: it shows that this program would see it.
 */
#define _GNU_SOURCE
#include <asmrewrite/ops.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FUNCTIONS	16
#define GENERAL		__attribute__((target("general-regs-only")))

static atomic_bool stop;
static atomic_ulong flips, calls, traced, wrong;

#define FUNCTION(n) \
	__attribute__((noinline, noclone)) static long function##n(long x) { __asm__ volatile(""); return x * 16 + n; }
/* One that begins with a push, which is its site. */
#define PUSHES(n, register) \
	__attribute__((noinline, noclone)) static long function##n(long x) \
	{ __asm__ volatile("xorl %%e" register ", %%e" register : : : "r" register); return x * 16 + n; }
FUNCTION(0) FUNCTION(1) FUNCTION(2) FUNCTION(3) FUNCTION(4) FUNCTION(5) FUNCTION(6) FUNCTION(7)
PUSHES(8, "bx") PUSHES(9, "bp") PUSHES(10, "bx") PUSHES(11, "bp") PUSHES(12, "bx") PUSHES(13, "bp") PUSHES(14, "bx")
PUSHES(15, "bp")

static long (*const functions[FUNCTIONS])(long) = {
	function0, function1, function2, function3, function4, function5, function6, function7, function8, function9,
	function10, function11, function12, function13, function14, function15,
};

/* Sleep now and then, in the middle of a call, while what led here is changed. */
GENERAL static void nap(uint64_t seed)
{
	const struct timespec time = { 0, 200000 };

	if (seed % 50000 == 0)
		__asm__ volatile("syscall" : : "a"(SYS_nanosleep), "D"(&time), "S"(0) : "rcx", "r11", "memory");
}

GENERAL static void enter(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs)
{
	if (ops->data != ops || ip != regs->rip - 5 || !parent)
		atomic_fetch_add(&wrong, 1);
	if (atomic_fetch_add(&traced, 1) % 7 == 0)
		nap(regs->rdi);
}

GENERAL static void leave(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs)
{
	if (ops->data != ops || regs->rip != parent || !ip)
		atomic_fetch_add(&wrong, 1);
	nap(regs->rax);
}

static struct asmrewrite_ops kinds[] = {
	{ enter, NULL, 0, &kinds[0] },
	{ enter, leave, 0, &kinds[1] },
	{ enter, NULL, ASMREWRITE_OPS_DIRECT, &kinds[2] },
	{ NULL, leave, ASMREWRITE_OPS_VECTORS, &kinds[3] },
	{ enter, leave, ASMREWRITE_OPS_DIRECT, &kinds[4] },
};
#define KINDS (sizeof kinds / sizeof *kinds)

static void *caller(void *number)
{
	unsigned long seed = (unsigned long)number;

	while (!atomic_load(&stop)) {
		unsigned long bad = 0;

		for (long i = 0; i < 10000; i++) {
			seed = seed * 6364136223846793005UL + 1442695040888963407UL;
			const long which = (long)(seed >> 40) % FUNCTIONS;

			bad += functions[which](i) != i * 16 + which;
		}
		atomic_fetch_add(&wrong, bad);
		atomic_fetch_add(&calls, 10000);
	}
	return NULL;
}

static void safely(unsigned long seed)
{
	const void *function = (const void *)functions[(seed >> 40) % FUNCTIONS];
	struct asmrewrite_ops *ops = &kinds[(seed >> 50) % KINDS];
	int result;

	switch ((seed >> 33) % 8) {
	case 0: case 1: case 2:
		result = asmrewrite_ops_set(function, NULL);
		break;
	case 3:
		result = asmrewrite_ops_add(function, ops);
		break;
	case 4:
		result = asmrewrite_ops_remove(function, ops);
		break;
	default:
		result = asmrewrite_ops_set(function, ops);
	}
	if (result)
		atomic_fetch_add(&wrong, 1);
}

void hook(void);
__asm__(".text\nhook:\tret\n");

/* The bytes of a call or of what is there when the site is off, first the opcode. Functions with a push are let alone. */
static void unsafely(unsigned long seed, int memory, bool on)
{
	const unsigned char *site = (const unsigned char *)functions[(seed >> 40) % 8];
	unsigned char bytes[5] = { 0x0f, 0x1f, 0x44, 0x00, 0x00 };
	const int distance = (int)((const unsigned char *)hook - (site + 5));

	if (on) {
		bytes[0] = 0xe8;
		memcpy(bytes + 1, &distance, 4);
	}
	for (int i = 0; i < 5; i++)
		if (pwrite(memory, bytes + i, 1, (off_t)(site + i)) != 1)
			exit(2);
}

int main(int count, char **words)
{
	const int memory = open("/proc/self/mem", O_RDWR);
	const bool unsafe = count > 3 && !strcmp(words[3], "unsafe");

	if (count < 3 || !ASMREWRITE_HAS_OPS)
		return 2;
	const int threads = atoi(words[2]);
	const time_t end = time(NULL) + atoi(words[1]);
	pthread_t *callers = calloc((size_t)threads, sizeof *callers);
	unsigned long seed = 1;

	for (long i = 0; i < threads; i++)
		pthread_create(&callers[i], NULL, caller, (void *)(i * 977));
	while (time(NULL) < end)
		for (int i = 0; i < 256; i++, atomic_fetch_add(&flips, 1)) {
			seed = seed * 6364136223846793005UL + 1442695040888963407UL;
			if (unsafe)
				unsafely(seed, memory, (seed >> 60) & 1);
			else
				safely(seed);
		}
	atomic_store(&stop, true);
	for (int i = 0; i < threads; i++)
		pthread_join(callers[i], NULL);
	printf("ops %lu %lu %lu %lu\n", flips, calls, traced, wrong);
	return wrong != 0;
}
