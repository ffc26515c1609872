/* ops_entry.S - where traced functions enter the runtime, and where they return to when their exit is wanted.
 *
 * Everything is restored as it was: no instruction here touches a vector or x87 register, but where an ops asks for it.
 */
#include "code_size.h"
#include "ops.h"

	.hidden	asmrewrite_ops_delta, asmrewrite_ops_vector_size, asmrewrite_ops_run, asmrewrite_ops_leave
	.hidden	asmrewrite_ops_table
	.text

	.macro	function name
	.globl	\name
	.hidden	\name
	.type	\name, @function
	.p2align 4
\name:
	.cfi_startproc
	.endm

	.macro	end name
	.cfi_endproc
	.size	\name, .-\name
	.endm

	.macro	save register
	pushq	%\register
	.cfi_adjust_cfa_offset 8
	.cfi_rel_offset \register, 0
	.endm

	.macro	restore register
	popq	%\register
	.cfi_adjust_cfa_offset -8
	.cfi_restore \register
	.endm

/* The rest of struct asmrewrite_regs, below `own`, the address that the caller goes on at; then a frame, so that C finds the stack aligned. */
	.macro	save_all
	pushfq
	.cfi_adjust_cfa_offset 8
	.irp	register, rdi, rsi, rdx, rcx, rax, r8, r9, r10, r11, rbx, rbp, r12, r13, r14, r15
	save	\register
	.endr
	cld
	movq	%rsp, %rbp
	.cfi_def_cfa_register rbp
	andq	$-16, %rsp
	.endm

	.macro	restore_all
	movq	%rbp, %rsp
	.cfi_def_cfa_register rsp
	.irp	register, r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi
	restore	\register
	.endr
	popfq
	.cfi_adjust_cfa_offset -8
	.endm

/*
 * A site calls one of these, ENTRY_SIZE bytes each: %rsp leads to the address behind the site, then to the function's
 * return address. A site that was the push of a register, by hardware number, has that done when all else has been;
 * what was a nop has the place of %rsp.
 */
	.macro	entries name
	function \name
	.irp	register, rax, rcx, rdx, rbx, , rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
	.balign	ENTRY_SIZE
	call	\name\()_run
	.ifnb	\register
	pushq	(%rsp)
	.cfi_adjust_cfa_offset 8
	movq	%\register, 8(%rsp)
	.cfi_adjust_cfa_offset -8
	.endif
	ret
	.endr
	end	\name
	function \name\()_run
	save_all
	movq	REGS_RIP(%rbp), %rdi
	subq	$5, %rdi
	movq	%rdi, %rax
	andq	$-8, %rax
	.endm

	.macro	run name
	movq	%rbp, %rsi
	call	asmrewrite_ops_run
	restore_all
	ret
	end	\name
	.endm

	entries	asmrewrite_ops_entry
	addq	asmrewrite_ops_delta(%rip), %rax
	movq	(%rax), %rdx
	run	asmrewrite_ops_entry_run

	entries	asmrewrite_ops_entry_8
	movq	-8(%rax), %rdx
	run	asmrewrite_ops_entry_8_run

	entries	asmrewrite_ops_entry_16
	movq	-16(%rax), %rdx
	run	asmrewrite_ops_entry_16_run

/* A trampoline calls this; its ops stands in it. */
	function asmrewrite_ops_direct
	save_all
	movq	REGS_RIP(%rbp), %rdi
	subq	$5, %rdi
	movq	REGS_OWN(%rbp), %rdx
	movq	TRAMPOLINE_OPS-5(%rdx), %rdx
	run	asmrewrite_ops_direct

/* function(ip, parent, ops, regs): the processor waits for the target instead of guessing it. */
	function asmrewrite_ops_call
	lfence
	jmp	*%r8
	int3
	end	asmrewrite_ops_call

	function asmrewrite_call2
	movq	%rdx, %rax
	lfence
	jmp	*%rax
	int3
	end	asmrewrite_call2

/* The same with all vector and x87 registers as they were afterwards. */
	function asmrewrite_ops_call_vectors
	save	rbp
	movq	%rsp, %rbp
	.cfi_def_cfa_register rbp
	movq	asmrewrite_ops_vector_size(%rip), %rax
	testq	%rax, %rax
	jz	1f
	subq	%rax, %rsp
	andq	$-64, %rsp
	movq	%rdx, %r9
	xorl	%eax, %eax
	.irp	word, 0, 8, 16, 24, 32, 40, 48, 56	/* the header */
	movq	%rax, 512+\word(%rsp)
	.endr
	movl	$VECTOR_STATE, %eax
	xorl	%edx, %edx
	xsave64	(%rsp)
	movq	%r9, %rdx
	call	asmrewrite_ops_call
	movl	$VECTOR_STATE, %eax
	xorl	%edx, %edx
	xrstor64 (%rsp)
	jmp	2f
1:	subq	$512, %rsp
	andq	$-16, %rsp
	fxsave64 (%rsp)
	call	asmrewrite_ops_call
	fxrstor64 (%rsp)
2:	movq	%rbp, %rsp
	.cfi_def_cfa_register rsp
	restore	rbp
	ret
	end	asmrewrite_ops_call_vectors

/*
 * Where a function returns to whose exit is wanted. Its return address is in the table of exits, under the address of
 * the stack that it was at, and unwinders find it there by what is said here.
 *
 * There is one symbol for the word before the code and for the code: a debugger looks up the byte before a return
 * address. The CFA is 8 above what it would be, since libgcc tells frames from each other by it, and %rsp is said apart. The
 * expressions begin with the CFA on their stack, and keep it there: libgcc's DW_OP_pick does not reach the last word.
 */
#define OP_DEREF	0x06
#define OP_U1		0x08
#define OP_U8		0x0e
#define OP_DUP		0x12
#define OP_DROP		0x13
#define OP_OVER		0x14
#define OP_PICK		0x15
#define OP_AND		0x1a
#define OP_MINUS	0x1c
#define OP_MUL		0x1e
#define OP_PLUS		0x22
#define OP_PLUS_U	0x23
#define OP_SHL		0x24
#define OP_SHR		0x25
#define OP_XOR		0x27
#define OP_BRA		0x28
#define OP_LT		0x2d
#define OP_SKIP		0x2f
#define OP_LIT		0x30
#define OP_BREG		0x70
#define CFA_EXPRESSION	0x10
#define CFA_VAL_EXPRESSION 0x16

#define U8(x)	(x) & 255, (x) >> 8 & 255, (x) >> 16 & 255, (x) >> 24 & 255, (x) >> 32 & 255, (x) >> 40 & 255, \
		(x) >> 48 & 255, (x) >> 56 & 255

/* cell, table -> cell, bucket */
#define BUCKET	OP_OVER, OP_LIT+3, OP_SHR, OP_U8, U8(EXIT_HASH), OP_MUL, OP_U1, 64-EXIT_BUCKETS_SHIFT, OP_SHR, \
		OP_LIT+EXIT_BUCKET_SHIFT, OP_SHL, OP_PLUS
#define BUCKET_SIZE	19
/* Look at each entry; from the one that is for the cell, or is becoming it, go `found` bytes on. */
#define LOOP(found) OP_DUP, OP_DEREF, OP_PICK, 2, OP_XOR, OP_LIT+2, OP_LT, OP_BRA, (found)+9, 0, \
		OP_PLUS_U, 8, OP_DUP, OP_U1, 63, OP_AND, OP_BRA, 0xed, 0xff
#define LOOP_SIZE	19
#define ULEB(x)	(x) & 127 | 128, (x) >> 7

	.section .data.rel.ro, "aw", @progbits
	.balign	8
table_at:
	.quad	asmrewrite_ops_table

	.text
	.p2align 4
	.globl	asmrewrite_ops_return
	.hidden	asmrewrite_ops_return
	.type	asmrewrite_ops_return, @function
asmrewrite_ops_return:
	.cfi_startproc
	.cfi_def_cfa rsp, 8
	.cfi_escape CFA_VAL_EXPRESSION, 7, 2, OP_LIT+8, OP_MINUS
/* The cell is CFA-16; before the code is the distance to the table, and %rip (16) says where that is. */
	.macro	returns_to behind
	.cfi_escape CFA_EXPRESSION, 16, 10+BUCKET_SIZE+LOOP_SIZE+8, \
		OP_DUP, OP_LIT+16, OP_MINUS, OP_BREG+16, 0, OP_LIT+8+\behind, OP_MINUS, OP_DUP, OP_DEREF, OP_PLUS, BUCKET, LOOP(6), \
		OP_PLUS_U, ULEB(EXIT_NOTHING-EXIT_RETURNS), OP_SKIP, 2, 0, OP_PLUS_U, EXIT_RETURNS
	.endm
	returns_to 0
	.quad	asmrewrite_ops_table-.
	leaq	-8(%rsp), %rsp			/* the cell becomes `rip` of the registers */
	.cfi_adjust_cfa_offset 8
	returns_to 5
	pushq	table_at(%rip)
	.cfi_adjust_cfa_offset 8
/* From here on the table is at CFA-24, and when the cell is no more in it, it holds the return address again. */
	.cfi_escape CFA_EXPRESSION, 16, 7+BUCKET_SIZE+LOOP_SIZE+6, \
		OP_DUP, OP_LIT+16, OP_MINUS, OP_DUP, OP_LIT+8, OP_MINUS, OP_DEREF, BUCKET, LOOP(4), \
		OP_DROP, OP_SKIP, 2, 0, OP_PLUS_U, EXIT_RETURNS
	save_all
	movq	%rbp, %rdi
	call	asmrewrite_ops_leave
	restore_all
	leaq	8(%rsp), %rsp			/* `own` */
	.cfi_adjust_cfa_offset -8
	ret
	.cfi_endproc
	.size	asmrewrite_ops_return, .-asmrewrite_ops_return

	.section .note.GNU-stack, "", @progbits
