	.type	f, @function
f:
	leaq	__SKEY__k(%rip), %rbx
.L5:
	cmpb	$0, (%rbx)
	jne	.L2
	xorl	%ebx, %ebx
	ret
.L2:
	xorl	%ebx, %ebx
	ret
	.size	f, .-f
	.type	g, @function
g:
	jmp	.L5
	.size	g, .-g
	.ident	"GCC: (GNU) 12.2.0"
