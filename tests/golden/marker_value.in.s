# options: passes=marker
# left alone: key-value
	.text
	.file	"-"
	.globl	f                               # -- Begin function f
	.p2align	4, 0x90
	.type	f,@function
f:                                      # @f
	.cfi_startproc
# %bb.0:
	movq	__SKEY__debug@GOTPCREL(%rip), %rcx
	#APP
	#NO_APP
	xorl	%eax, %eax
	cmpb	$0, (%rcx)
	setne	%al
	retq
.Lfunc_end0:
	.size	f, .Lfunc_end0-f
	.cfi_endproc
                                        # -- End function
	.ident	"Debian clang version 14.0.6"
	.section	".note.GNU-stack","",@progbits
