	.type	g, @function
g:
	ret
	.size	g, .-g
	.globl	f
	.type	f, @gnu_indirect_function
	.type	f, @function
f:
	leaq	__SKEY__k(%rip), %rax
	cmpb	$0, (%rax)
	jne	.L1
	call	g
.L1:
	movl	$5, %eax
	ret
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
