	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	cmpb	$0, __SKEY__k(%rip)
	jne	.L1
	movq	%rax, %dr8
	cmpl	$1, %eax
	incl	%eax
.L1:
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
