/* ops.c - nanoseconds of CPU that a call takes, of a function that is traced as the first word says. */
#include <asmrewrite/ops.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define CALLS	5000000

static volatile unsigned long counted;

__attribute__((noinline, noclone)) static long function(long n)
{
	__asm__ volatile("");
	return n + 1;
}

__attribute__((target("general-regs-only"))) static void
count(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs)
{
	(void)ip, (void)parent, (void)ops, (void)regs;
	counted++;
}

int main(int number, char **words)
{
	struct asmrewrite_ops ops = { count, NULL, 0, NULL };
	const char *state = number > 1 ? words[1] : "off";
	struct timespec start, end;
	long sum = 0;

	if (!strcmp(state, "direct"))
		ops.flags = ASMREWRITE_OPS_DIRECT;
	else if (!strcmp(state, "vectors"))
		ops.flags = ASMREWRITE_OPS_VECTORS;
	else if (!strcmp(state, "exit"))
		ops.exit = count;
	if (strcmp(state, "off") && asmrewrite_ops_set((const void *)function, &ops))
		return 1;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start);
	for (long i = 0; i < CALLS; i++)
		sum += function(i);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end);
	printf("%.3f\n", ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) / CALLS);
	return sum == 0;
}
