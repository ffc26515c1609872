# The nop goes before the first instruction, behind endbr64, and before a label that is jumped to (`loop`). What is no
# entry, the code that the loader calls (`choose`), and what begins with inline assembly are skipped.
# options: passes=call-ops
# left alone: cold-part, inline-asm, resolver, function-opted-out
	.text
	.p2align 4
	.globl	aligned
	.type	aligned, @function
.Lasmrewrite_entry_0: aligned:
.LFB0:
	.cfi_startproc
	.bundle_align_mode 3; .bundle_lock; cs; cs; cs; cs; pushq	%rbx; .bundle_unlock; .Lasmrewrite_ops_0: .bundle_align_mode 0
	.cfi_def_cfa_offset 16
	.cfi_offset 3, -16
	popq	%rbx
	.cfi_def_cfa_offset 8
	ret
	.cfi_endproc
	.size	aligned, .-aligned
	.section	.text.unlikely,"ax",@progbits
	.type	aligned.cold, @function
aligned.cold:
	.cfi_startproc
	ud2
	.cfi_endproc
	.size	aligned.cold, .-aligned.cold
	.text
	.type	unaligned, @function
.p2align 3,,4; .Lasmrewrite_entry_1: unaligned:
	.cfi_startproc
	.bundle_align_mode 3; {disp8} nopl	(%rax,%rax); .Lasmrewrite_ops_1: .bundle_align_mode 0; rep
	stosb
	ret
	.cfi_endproc
	.size	unaligned, .-unaligned
	.type	marked, @function
.Lasmrewrite_entry_2: marked:
	.cfi_startproc
	endbr64; .bundle_align_mode 3; {disp8} nopl	(%rax,%rax); .Lasmrewrite_ops_2: .bundle_align_mode 0
	xorl	%eax, %eax
	ret
	.cfi_endproc
	.size	marked, .-marked
	.type	loop, @function
.p2align 3,,4; .Lasmrewrite_entry_3: loop:
	.cfi_startproc
	.bundle_align_mode 3; {disp8} nopl	(%rax,%rax); .Lasmrewrite_ops_3: .bundle_align_mode 0; .p2align 4,,10
	.p2align 3
.L2:
	jmp	.L2
	.cfi_endproc
	.size	loop, .-loop
	.type	naked, @function
naked:
	.cfi_startproc
#APP
	ret
#NO_APP
	.cfi_endproc
	.size	naked, .-naked
	.type	choose, @function
choose:
	.cfi_startproc
	ret
	.cfi_endproc
	.size	choose, .-choose
	.globl	chosen
	.type	chosen, @gnu_indirect_function
	.set	chosen,choose
	.type	quiet, @function
quiet:
	.cfi_startproc
#APP
# asmrewrite: skip-function call-ops
#NO_APP
	ret
	.cfi_endproc
	.size	quiet, .-quiet
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_ops_0
	.balign	4
	.long	.Lasmrewrite_ops_0-5-.
	.long	.Lasmrewrite_entry_0-.
	.long	0
	.byte	4, 4, 3, 0, 3, 0
	.value	1
	.long	0
	.long	.Lasmrewrite_ops_1-5-.
	.long	.Lasmrewrite_entry_1-.
	.long	0
	.byte	4, 3, 255, 0, 3, 0
	.value	1
	.long	0
	.long	.Lasmrewrite_ops_2-5-.
	.long	.Lasmrewrite_entry_2-.
	.long	0
	.byte	4, 3, 255, 0, 3, 0
	.value	1
	.long	0
	.long	.Lasmrewrite_ops_3-5-.
	.long	.Lasmrewrite_entry_3-.
	.long	0
	.byte	4, 3, 255, 0, 3, 0
	.value	1
	.long	0
	.popsection
