	.type	f, @function
f:
	cmpb	$0, __SKEY__k(%rip)
	setne	%bl
	movzbl	%bl, %ebx
	movl	ebx, %r8d
	testl	%r8d, %r8d
	jne	.L1
	ret
.L1:
	movl	$1, %r8d
	movl	$1, %ebx
	jmp	g
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
