	.att_syntax noprefix
	.type	f, @function
f:
	movzbl	__SKEY__k(%rip), %ecx
	testb	%cl, %cl
	jne	.L1
	ret
.L1:
	movl	(rcx), %eax
	movl	$1, %ecx
	jmp	g
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
