	.globl	f
	.type	f, @function
f:
	nop
	movzbl	__SKEY__k(%rip), %ecx
	nop
	testb	%cl, %cl
	je	.L1
	call	*%rax
	.p2align 4
.L2:
	movzbl	__SKEY__k(%rip), %ecx
	nop
	testb	%cl, %cl
	nopl	(%rax)
	je	.L1
	ret
.L1:
	jmp	g
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
