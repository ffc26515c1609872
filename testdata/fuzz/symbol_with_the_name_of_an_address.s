	.type	f, @function
f:
	movl	$__SKEY__k, ebx
	cmpb	$0, (%rbx)
	jne	.L1
	ret
.L1:
	movl	$1, %ebx
	jmp	g
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
