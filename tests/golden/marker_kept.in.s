# options: passes=marker
	.text
	.file	"-"
	.globl	f                               # -- Begin function f
	.p2align	4, 0x90
	.type	f,@function
f:                                      # @f
	.cfi_startproc
# %bb.0:
	pushq	%rax
	.cfi_def_cfa_offset 16
	movq	__SKEY__debug@GOTPCREL(%rip), %rax
	movb	(%rax), %al
	movzbl	%al, %eax
	cmpl	$0, %eax
	je	.LBB0_2
# %bb.1:
	callq	report@PLT
.LBB0_2:
	popq	%rax
	.cfi_def_cfa_offset 8
	retq
.Lfunc_end0:
	.size	f, .Lfunc_end0-f
	.cfi_endproc
                                        # -- End function
	.ident	"Debian clang version 14.0.6"
	.section	".note.GNU-stack","",@progbits
