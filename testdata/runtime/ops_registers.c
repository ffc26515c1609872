/* ops_registers.c - a traced function finds, and its caller gets back, every register as if it were not traced.
 *
 * Every general register (but %rsp), the flags, every vector register and the x87 stack are filled, a traced function
 * that only stores what it finds is called, and what it stored, and what is there when it has returned, is compared.
 * With PUSHES the traced functions are some from elsewhere, of which each pushes another register first, calls that
 * function, and pops the register again.
 */
#include <asmrewrite/ops.h>
#include <stdio.h>
#include <string.h>

struct state {
	unsigned long general[15];	/* rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r11 r12-r15 */
	unsigned long flags;
	unsigned char vector[16][32];
	double x87;
};

struct state before, found, after;
unsigned long saved_stack;

#ifdef AVX
#define WIDTH		32
#define VECTOR(n)	"vmovups %%ymm" n ", "
#define FILL(n)		"vmovups before+128+32*" n "(%%rip), %%ymm" n "\n\t"
#else
#define WIDTH		16
#define VECTOR(n)	"movups %%xmm" n ", "
#define FILL(n)		"movups before+128+32*" n "(%%rip), %%xmm" n "\n\t"
#endif
#define EACH(what)	what("0") what("1") what("2") what("3") what("4") what("5") what("6") what("7") what("8") \
			what("9") what("10") what("11") what("12") what("13") what("14") what("15")
#define FOUND(n)	VECTOR(n) "found+128+32*" n "(%%rip)\n\t"
#define AFTER(n)	VECTOR(n) "after+128+32*" n "(%%rip)\n\t"
#define STORE(state, vectors)									\
	"movq %%rax, " #state "(%%rip); movq %%rbx, " #state "+8(%%rip); movq %%rcx, " #state "+16(%%rip)\n\t" \
	"movq %%rdx, " #state "+24(%%rip); movq %%rsi, " #state "+32(%%rip); movq %%rdi, " #state "+40(%%rip)\n\t" \
	"movq %%rbp, " #state "+48(%%rip); movq %%r8, " #state "+56(%%rip); movq %%r9, " #state "+64(%%rip)\n\t" \
	"movq %%r10, " #state "+72(%%rip); movq %%r11, " #state "+80(%%rip); movq %%r12, " #state "+88(%%rip)\n\t" \
	"movq %%r13, " #state "+96(%%rip); movq %%r14, " #state "+104(%%rip); movq %%r15, " #state "+112(%%rip)\n\t" \
	"pushfq; popq " #state "+120(%%rip)\n\t" EACH(vectors) "fstl " #state "+640(%%rip)"

__attribute__((noinline, noclone)) void store(void)
{
	__asm__ volatile(STORE(found, FOUND) : : : "memory");
}

#ifdef PUSHES
extern void (*const pushing[])(void);
void (*called)(void);
#define CALL	"call *called(%%rip)\n\t"
#else
static void (*const pushing[])(void) = { store, 0 };
#define CALL	"call store\n\t"
#endif

static unsigned long entered, left, wrong;

/* All that a function compiled with -mgeneral-regs-only may destroy, and the flags. */
#define SPOIL	__asm__ volatile("addq $-1, %%rax" : : : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "rbx", \
				 "r12", "r13", "r14", "r15", "cc")
#define SPOIL_VECTORS	__asm__ volatile("fninit; fldz; fldz\n\t" EACH(ZERO) : : : "memory")
#ifdef AVX
#define ZERO(n)	"vpxor %%xmm" n ", %%xmm" n ", %%xmm" n "\n\t"
#else
#define ZERO(n)	"xorps %%xmm" n ", %%xmm" n "\n\t"
#endif

__attribute__((target("general-regs-only"))) static void
enter(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs)
{
	uint64_t here;

	__asm__("movq %%rsp, %0" : "=r"(here));
	wrong += regs->rax != before.general[0] || regs->rbx != before.general[1] || regs->r15 != before.general[14];
	wrong += regs->flags != before.flags || ip != regs->rip - 5 || here > (uintptr_t)regs || *regs->stack != parent;
	entered++;
	if (ops->flags & ASMREWRITE_OPS_VECTORS)
		SPOIL_VECTORS;
	SPOIL;
}

__attribute__((target("general-regs-only"))) static void
leave(uintptr_t ip, uintptr_t parent, struct asmrewrite_ops *ops, struct asmrewrite_regs *regs)
{
	wrong += regs->rax != before.general[0] || regs->rip != parent || !ip;
	left++;
	if (ops->flags & ASMREWRITE_OPS_VECTORS)
		SPOIL_VECTORS;
	SPOIL;
}

static struct asmrewrite_ops kinds[] = {
	{ enter, NULL, 0, NULL },
	{ enter, leave, 0, NULL },
	{ enter, leave, ASMREWRITE_OPS_VECTORS, NULL },
	{ enter, leave, ASMREWRITE_OPS_DIRECT, NULL },
	{ enter, leave, ASMREWRITE_OPS_DIRECT | ASMREWRITE_OPS_VECTORS, NULL },
	{ NULL, leave, 0, NULL },
};

__attribute__((noinline, noclone)) static void once(void)
{
	memset(&found, 0, sizeof found);
	memset(&after, 0, sizeof after);
	__asm__ volatile(
		"subq $128, %%rsp\n\t"
		"pushq %%rbx; pushq %%rbp; pushq %%r12; pushq %%r13; pushq %%r14; pushq %%r15\n\t"
		"movq %%rsp, saved_stack(%%rip); andq $-16, %%rsp\n\t"
		"fldl before+640(%%rip)\n\t" EACH(FILL)
		"pushq before+120(%%rip); popfq\n\t"
		"movq before(%%rip), %%rax; movq before+8(%%rip), %%rbx; movq before+16(%%rip), %%rcx\n\t"
		"movq before+24(%%rip), %%rdx; movq before+32(%%rip), %%rsi; movq before+40(%%rip), %%rdi\n\t"
		"movq before+48(%%rip), %%rbp; movq before+56(%%rip), %%r8; movq before+64(%%rip), %%r9\n\t"
		"movq before+72(%%rip), %%r10; movq before+80(%%rip), %%r11; movq before+88(%%rip), %%r12\n\t"
		"movq before+96(%%rip), %%r13; movq before+104(%%rip), %%r14; movq before+112(%%rip), %%r15\n\t"
		CALL
		STORE(after, AFTER) "\n\t"
		"fstp %%st(0); movq saved_stack(%%rip), %%rsp\n\t"
		"popq %%r15; popq %%r14; popq %%r13; popq %%r12; popq %%rbp; popq %%rbx; subq $-128, %%rsp\n\t"
		"cld"
		:
		:
		: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc",
		  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
		  "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	wrong += memcmp(&before, &found, sizeof found) != 0;
	wrong += memcmp(&before, &after, sizeof after) != 0;
}

int main(void)
{
	for (int i = 0; i < 15; i++)
		before.general[i] = 0x1111111111111111UL * (unsigned long)(i + 1);
	for (int i = 0; i < 16; i++)
		for (int b = 0; b < WIDTH; b++)
			before.vector[i][b] = (unsigned char)(0x40 + 16 * b + i);
	before.flags = 0x8d7 | 0x200;	/* carry, parity, adjust, zero, sign, overflow; and interrupts */
	before.x87 = 1.5;
	for (int f = 0; pushing[f]; f++) {
#ifdef PUSHES
		called = pushing[f];
#endif
		once();
		for (unsigned int i = 0; i < sizeof kinds / sizeof *kinds; i++) {
			if (asmrewrite_ops_set(pushing[f], &kinds[i]))
				wrong++;
			once();
		}
		asmrewrite_ops_set(pushing[f], NULL);
		once();
	}
	printf("%lu wrong, %lu entered, %lu left\n", wrong, entered, left);
	return wrong != 0;
}
