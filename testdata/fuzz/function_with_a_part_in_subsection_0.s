	.type	f, @function
f:
	movzbl	__SKEY__k(%rip), %ecx
	testb	%cl, %cl
	jne	.L1
	.text	0
	movl	%ecx, %eax
	ret
	.text
.L1:
	xorl	%ecx, %ecx
	jmp	g
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
