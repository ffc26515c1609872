/* ops_child.c - a child that was forked before its parent set the first ops does not see it, though both run one
 * text; and can set its own.
 */
#include <asmrewrite/ops.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static long calls;

__attribute__((target("general-regs-only"))) static void
enter(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs)
{
	calls++;
	regs->rdi = 5;
}

static struct asmrewrite_ops tracer = { .func = enter };

__attribute__((noinline, noclone)) static long plain(long x)
{
	__asm__ volatile("");
	return x + 1;
}

/* It begins with a push. */
__attribute__((noinline, noclone)) static long pushes(long x)
{
	__asm__ volatile("xorl %%ebx, %%ebx" : : : "rbx");
	return x + 1;
}

int main(void)
{
	int set[2];
	char byte;

	if (pipe(set))
		return 1;
	const pid_t child = fork();

	if (!child && read(set[0], &byte, 1) == 1) {
		const long sum = plain(1) + pushes(1);

		printf("child %ld, traced %ld\n", sum, calls);
		printf("set %d %d\n", asmrewrite_ops_set(plain, &tracer), asmrewrite_ops_set(pushes, &tracer));
		const long traced = plain(1) + pushes(1);

		printf("child %ld, traced %ld\n", traced, calls);
		return 0;
	}
	printf("set %d %d\n", asmrewrite_ops_set(plain, &tracer), asmrewrite_ops_set(pushes, &tracer));
	const long sum = plain(1) + pushes(1);

	printf("parent %ld, traced %ld\n", sum, calls);
	fflush(stdout);
	if (write(set[1], "x", 1) != 1)
		return 1;
	int status;

	waitpid(child, &status, 0);
	return status;
}
