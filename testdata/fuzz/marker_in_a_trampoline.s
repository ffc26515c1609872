# The name of the stub begins as a trampoline's does.
	.text
	.globl	__SCT__f
	.type	__SCT__f, @function
__SCT__f:
	.cfi_startproc
	cmpb	$0, __SKEY__k(%rip)
	jne	.L1
	incl	%eax
.L1:
	ret
	.cfi_endproc
	.size	__SCT__f, .-__SCT__f
	.ident	"GCC: (GNU) 12.2.0"
