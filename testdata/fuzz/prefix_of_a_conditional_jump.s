	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	cmpb	$0, __SKEY__k(%rip)
	cs jne	.L1
	incl	%eax
.L1:
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
