/* entry.S - where stubs and signals enter the runtime. No instruction here touches a vector or x87 register. */
#include "code_size.h"
#include "learn.h"
#include "note.h"

#ifdef __CET__
#include <cet.h>
#else
#define _CET_ENDBR
#endif

	.hidden	asmrewrite_thread, asmrewrite_decide, asmrewrite_sample, asmrewrite_trap_handle, asmrewrite_this_module
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
	.endm

	.macro	restore register
	popq	%\register
	.cfi_adjust_cfa_offset -8
	.endm

/* Call \function(number, target) with every register as it was afterwards; the stack as at our entry. */
	.macro	enter_c function
	save	rbp
	.cfi_rel_offset rbp, 0			/* the one of them that callers keep something in */
	.irp	register, rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11
	save	\register
	.endr
	movq	80(%rsp), %rax			/* return address: in the stub */
	movl	NUMBER_BEHIND(%rax), %edi
	movq	%r11, %rsi
	movq	%rsp, %rbp
	.cfi_def_cfa_register rbp
	andq	$-16, %rsp
	call	\function
	movq	%rbp, %rsp
	.cfi_def_cfa_register rsp
	.irp	register, r11, r10, r9, r8, rdi, rsi, rdx, rcx, rax, rbp
	restore	\register
	.endr
	.cfi_restore rbp
	.endm

/* A learning stub calls this: count the target in %r11 for the site whose number is behind the call. */
	function asmrewrite_count
	save	rax
	save	rcx
	save	rdx
	movq	asmrewrite_thread@gottpoff(%rip), %rax
	movq	%fs:THREAD_ROWS(%rax), %rax
	testq	%rax, %rax
	jz	5f
	movq	24(%rsp), %rcx
	movl	NUMBER_BEHIND(%rcx), %ecx
	shlq	$ROW_SHIFT, %rcx
	addq	%rax, %rcx
	decl	ROW_LEFT(%rcx)
	js	5f
	xorl	%edx, %edx
1:	movq	(%rcx,%rdx,8), %rax
	cmpq	%r11, %rax
	je	3f
	testq	%rax, %rax
	jz	2f
	incl	%edx
	cmpl	$ROW_TARGETS, %edx
	jne	1b
	/* No place left: one entry, by turns, loses a call, and its place when that was the last. */
	movl	ROW_OTHERS(%rcx), %edx
	incl	ROW_OTHERS(%rcx)
	andl	$15, %edx
	cmpl	$ROW_TARGETS, %edx
	jae	4f
	subl	$1, ROW_COUNTS(%rcx,%rdx,4)
	ja	4f
	movl	$0, ROW_COUNTS(%rcx,%rdx,4)
2:	movq	%r11, (%rcx,%rdx,8)
3:	incl	ROW_COUNTS(%rcx,%rdx,4)
4:	.cfi_remember_state
	restore	rdx
	restore	rcx
	restore	rax
	ret
5:	.cfi_restore_state
	restore	rdx
	restore	rcx
	restore	rax
	enter_c	asmrewrite_decide
	ret
	end	asmrewrite_count

/* A chain calls this when THREAD_MISSES has run out. */
	function asmrewrite_missed
	enter_c	asmrewrite_sample
	ret
	end	asmrewrite_missed

	.p2align 4
	.skip	8, 0xcc
	.ascii	"smrwtrap"
	function asmrewrite_trap_entry
	_CET_ENDBR
	jmp	asmrewrite_trap_handle
	end	asmrewrite_trap_entry

	function asmrewrite_serialise
	movq	%rsp, %rax
	movl	%ss, %ecx
	save	rcx
	save	rax
	pushfq
	.cfi_adjust_cfa_offset 8
	movl	%cs, %ecx
	save	rcx
	leaq	1f(%rip), %rcx
	save	rcx
	iretq
	.cfi_adjust_cfa_offset -40
1:	ret
	end	asmrewrite_serialise

/* Calls of functions that only an address is known of: the processor waits for the target instead of guessing it. */
	function asmrewrite_trap_chain
	lfence
	jmp	*%rcx
	int3
	end	asmrewrite_trap_chain

	function asmrewrite_call
	movq	%rdi, %rax
	movq	%rsi, %rdi
	movq	%rdx, %rsi
	lfence
	jmp	*%rax
	int3
	end	asmrewrite_call

/* Unwinders know a signal frame by these bytes. */
	.globl	asmrewrite_trap_return
	.hidden	asmrewrite_trap_return
	.type	asmrewrite_trap_return, @function
	.p2align 4
	nop
asmrewrite_trap_return:
	movq	$15, %rax			/* rt_sigreturn */
	syscall
	.size	asmrewrite_trap_return, .-asmrewrite_trap_return

/* The arena for stubs: in the image, so within reach of its text and gone when that goes; without bytes in the file. */
	.bss
	.globl	asmrewrite_arena
	.hidden	asmrewrite_arena
	.type	asmrewrite_arena, @object
	.balign	4096
asmrewrite_arena:
	.skip	ARENA_SIZE
	.size	asmrewrite_arena, ARENA_SIZE

/*
 * Its frame information: its stubs push nothing, so the return address is on top of the stack; in a trampoline
 * that is so but before its ninth byte, where it has pushed one word.
 */
	.section .eh_frame, "a", @unwind
0:	.long	2f-1f
1:	.long	0
	.byte	1
	.string	"zR"
	.uleb128 1
	.sleb128 -8
	.uleb128 16
	.uleb128 1
	.byte	0x1b				/* pointers: PC-relative, 4 bytes */
	.byte	0x0c				/* DW_CFA_def_cfa: rsp+8 */
	.uleb128 7
	.uleb128 8
	.byte	0x90				/* DW_CFA_offset: return address at CFA-8 */
	.uleb128 1
	.balign	8
2:	.long	4f-3f
3:	.long	3b-0b
	.long	asmrewrite_arena+TRAMPOLINES_SIZE-.
	.long	ARENA_SIZE-TRAMPOLINES_SIZE
	.uleb128 0
	.balign	8
4:	.long	6f-5f
5:	.long	5b-0b
	.long	asmrewrite_arena-.
	.long	TRAMPOLINES_SIZE
	.uleb128 0
	.byte	0x0f, 11			/* DW_CFA_def_cfa_expression: rsp+8, and 8 more behind 8 bytes of 32 */
	.byte	0x77, 8, 0x80, 0, 0x4f, 0x1a, 0x38, 0x29, 0x33, 0x24, 0x22
	.balign	8
6:
/* See note.h. */
	.section .note.asmrewrite, "a", @note
	.balign	4
	.long	1f-0f, 3f-2f, NOTE_MODULE
0:	.string	NOTE_NAME
1:	.balign	4
2:	.long	asmrewrite_this_module-.
3:	.balign	4

	.section .note.GNU-stack, "", @progbits
