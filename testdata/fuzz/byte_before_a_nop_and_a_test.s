	.type	f, @function
	.skip	1, -1
f:
	nop
	movzbl	__SKEY__k(%rip), %ecx
	nop
	testb	%cl, %cl
	jne	.L1
.L1:
	leaq	__SKEY__k(%rip), %rdx
	cmpb	$0, (%rdx)
	jne	.L2
.L2:
	jmp	g@PLT
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
