	.type	f, @function
f:
	movzbl	__SKEY__k(%rip), %r8d
	nop
	cmpl	$0, %r8d
	je	.L1
	incl	%eax
.L1:
	jmp	*%r8
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
