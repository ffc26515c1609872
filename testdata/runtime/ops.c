/* Functions that are traced: what func and exit are told, by each way of setting them. */
#define _GNU_SOURCE
#include <asmrewrite/ops.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#define TRACER	__attribute__((noinline, target("general-regs-only")))
#define NOINLINE __attribute__((noinline, noclone))

struct event {
	char what;
	uintptr_t ip, parent;
	const struct asmrewrite_ops *ops;
	uint64_t first, result;
};

static struct event events[4096];
static size_t count;

static TRACER void note(char what, uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs)
{
	if (count < 4096)
		events[count++] = (struct event){ what, ip, parent, ops, regs->rdi, regs->rax };
}

static TRACER void enter(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs)
{
	note('>', ip, parent, ops, regs);
}

static TRACER void leave(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs)
{
	note('<', ip, parent, ops, regs);
}

static struct asmrewrite_ops entries = { enter, NULL, 0, NULL };
static struct asmrewrite_ops exits = { NULL, leave, 0, NULL };
static struct asmrewrite_ops both = { enter, leave, 0, NULL };
static struct asmrewrite_ops direct = { enter, NULL, ASMREWRITE_OPS_DIRECT, NULL };
static struct asmrewrite_ops vectors = { enter, leave, ASMREWRITE_OPS_VECTORS, NULL };

NOINLINE int leaf(int n) { __asm__ volatile(""); return n + 1; }
NOINLINE int middle(int n) { return leaf(n) * 2 + 1; }
NOINLINE int tail(int n) { __asm__ volatile(""); return leaf(n + 10); }
NOINLINE long deep(long n)
{
	const long below = n ? deep(n - 1) : 0;

	__asm__ volatile("" : : : "memory");
	return below + (n != 0);
}

static jmp_buf out;
NOINLINE void jumper(int n) { if (n) longjmp(out, n); }
NOINLINE int jumping(int n) { jumper(n); return leaf(n); }

static struct event *find(char what, const void *function)
{
	for (size_t i = 0; i < count; i++)
		if (events[i].what == what && events[i].ip - (uintptr_t)function < 9)
			return &events[i];
	return NULL;
}

/* What happened, as words: function by its letter. */
static void say(const char *title)
{
	static const struct { const void *function; const char *name; } names[] = {
		{ leaf, "leaf" }, { middle, "middle" }, { tail, "tail" }, { deep, "deep" }, { jumper, "jumper" },
		{ jumping, "jumping" },
	};

	printf("%s:", title);
	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < sizeof(names) / sizeof(*names); n++)
			if (events[i].ip - (uintptr_t)names[n].function < 9)
				printf(" %c%s(%ld)", events[i].what, names[n].name,
				       (long)(int)(events[i].what == '>' ? events[i].first : events[i].result));
	printf("\n");
	count = 0;
}

static void set(const void *function, struct asmrewrite_ops *ops)
{
	const int result = asmrewrite_ops_set(function, ops);

	if (result) {
		printf("error %d\n", result);
		exit(1);
	}
}

static ucontext_t here, there;
static char stack[65536];

NOINLINE int switching(int n)
{
	swapcontext(&there, &here);
	return leaf(n);
}

static void context(void)
{
	printf("context %d\n", switching(4));
}

static volatile int ticks;

static void tick(int number)
{
	(void)number;
	ticks += leaf(1) == 2;
}

static bool print(const struct asmrewrite_ops_function *function, void *data)
{
	(void)data;
	if (!strcmp(function->name, "leaf") || !strcmp(function->name, "middle"))
		printf("%s %s%s\n", function->name, function->on ? "on" : "off", function->reason);
	return true;
}

static bool is_tail(const struct asmrewrite_ops_function *function, void *data)
{
	return function->function == data;
}

int main(void)
{
	set(leaf, &entries);
	printf("%d\n", middle(1));
	if (find('>', leaf) && events[0].parent - (uintptr_t)middle < 64)
		printf("the parent is middle\n");
	say("entries");
	set(leaf, &both);
	set(middle, &both);
	printf("%d\n", middle(2));
	say("both");
	set(leaf, &direct);
	set(middle, &exits);
	printf("%d\n", middle(3));
	say("direct");
	set(leaf, &vectors);
	printf("%d\n", middle(4));
	say("vectors");
	set(leaf, NULL);
	set(middle, NULL);
	printf("%d\n", middle(5));
	say("off");

	printf("add %d %d %d\n", asmrewrite_ops_add(leaf, &entries), asmrewrite_ops_add(leaf, &both),
	       asmrewrite_ops_add(leaf, &exits));
	leaf(6);
	say("list");
	printf("remove %d\n", asmrewrite_ops_remove(leaf, &both));
	leaf(7);
	say("shorter");
	set(leaf, NULL);

	set(tail, &both);
	set(leaf, &both);
	printf("%d\n", tail(1));
	say("tail call");
	set(tail, NULL);

	set(deep, &exits);
	printf("%ld\n", deep(3));
	say("deep");
	const long depth = deep(1000);

	printf("deeper %ld %zu\n", depth, count);
	count = 0;
	deep(90000);
	struct asmrewrite_ops_counts lost;

	asmrewrite_ops_read_counts(&lost);
	printf("lost exits %d\n", lost.lost_exits > 0);
	count = 0;
	set(deep, NULL);

	set(jumper, &both);
	set(jumping, &both);
	for (volatile int i = 0; i < 3; i++)
		if (!setjmp(out))
			jumping(1);
	printf("%d\n", jumping(0));
	say("longjmp");
	set(jumper, NULL);
	set(jumping, NULL);

	getcontext(&there);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &here;
	makecontext(&there, context, 0);
	asmrewrite_ops_match("swit*", ASMREWRITE_OPS_GLOB, &both);
	swapcontext(&here, &there);
	middle(1);
	swapcontext(&here, &there);
	count = 0;

	set(leaf, NULL);
	printf("match %ld\n", asmrewrite_ops_match("^(leaf|middle)$", ASMREWRITE_OPS_REGEX, &both));
	asmrewrite_ops_each(print, NULL);
	printf("filter %ld\n", asmrewrite_ops_filter(is_tail, (void *)tail, &both));
	printf("bad %ld %d %d\n", asmrewrite_ops_match("(", ASMREWRITE_OPS_REGEX, &both),
	       asmrewrite_ops_set((const char *)leaf + 1, &both), asmrewrite_ops_set(printf, &both));
	fflush(stdout);

	const pid_t child = fork();

	if (!child) {
		printf("%d\n", middle(6));
		say("child");
		set(leaf, NULL);
		printf("%d\n", middle(7));
		say("child, leaf off");
		fflush(stdout);
		_exit(0);
	}
	waitpid(child, NULL, 0);
	printf("%d\n", middle(8));
	say("parent");

	signal(SIGALRM, tick);
	ualarm(100, 100);
	long sum = 0;

	while (ticks < 100)
		sum += middle(1);
	ualarm(0, 0);
	printf("signals, sum %s\n", sum % 5 ? "wrong" : "right");
	return 0;
}
