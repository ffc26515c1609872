/* registers.c - a call through a site changes no register but flags and %r11, learning or not.
 *
 * Every general register (but %rsp), every vector register and the x87 stack is filled, a function that only stores
 * what it finds is called through a site 4,000 times (it learns on the way), and what it stored is compared.
 */
#include <stdio.h>
#include <string.h>

struct state {
	unsigned long general[14];	/* rax rbx rcx rdx rsi rdi rbp r8 r9 r10 r12-r15 */
	unsigned char vector[16][16];
	double x87;
};

struct state before, found;

void store(void);
void (*function)(void) = store;

/* The function that is called: its first instructions are ours, so nothing is changed before it is stored. */
__asm__(".text\n.globl store\n.type store, @function\nstore:\n"
	"	movq %rax, found(%rip); movq %rbx, found+8(%rip); movq %rcx, found+16(%rip); movq %rdx, found+24(%rip)\n"
	"	movq %rsi, found+32(%rip); movq %rdi, found+40(%rip); movq %rbp, found+48(%rip); movq %r8, found+56(%rip)\n"
	"	movq %r9, found+64(%rip); movq %r10, found+72(%rip); movq %r12, found+80(%rip); movq %r13, found+88(%rip)\n"
	"	movq %r14, found+96(%rip); movq %r15, found+104(%rip)\n"
	"	.irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n	movups %xmm\\n, found+112+16*\\n(%rip)\n	.endr\n"
	"	fstl found+368(%rip)\n	ret\n	.size store, .-store\n");

int main(void)
{
	unsigned long wrong = 0;

	for (int i = 0; i < 14; i++)
		before.general[i] = 0x1111111111111111UL * (unsigned long)(i + 1);
	for (int i = 0; i < 16; i++)
		memset(before.vector[i], 0x40 + i, 16);
	before.x87 = 1.5;
	for (int round = 0; round < 4000; round++) {
		memset(&found, 0, sizeof found);
		/* The call is the assembler's: inline-asm=on makes it a site. */
		__asm__ volatile(
			"pushq %%rbx; pushq %%rbp; pushq %%r12; pushq %%r13; pushq %%r14; pushq %%r15\n\t"
			"subq $8, %%rsp\n\t"
			"fldl before+368(%%rip)\n\t"
			".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\tmovups before+112+16*\\n(%%rip), %%xmm\\n\n\t.endr\n\t"
			"movq before(%%rip), %%rax; movq before+8(%%rip), %%rbx; movq before+16(%%rip), %%rcx\n\t"
			"movq before+24(%%rip), %%rdx; movq before+32(%%rip), %%rsi; movq before+40(%%rip), %%rdi\n\t"
			"movq before+48(%%rip), %%rbp; movq before+56(%%rip), %%r8; movq before+64(%%rip), %%r9\n\t"
			"movq before+72(%%rip), %%r10; movq before+80(%%rip), %%r12; movq before+88(%%rip), %%r13\n\t"
			"movq before+96(%%rip), %%r14; movq before+104(%%rip), %%r15\n\t"
			"call *function(%%rip)\n\t"
			"fstp %%st(0)\n\t"
			"addq $8, %%rsp\n\t"
			"popq %%r15; popq %%r14; popq %%r13; popq %%r12; popq %%rbp; popq %%rbx"
			:
			:
			: "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc",
			  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
			  "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
		wrong += memcmp(&before, &found, sizeof found) != 0;
	}
	printf("%lu wrong\n", wrong);
	return wrong != 0;
}
