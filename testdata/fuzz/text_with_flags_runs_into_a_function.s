	cmpl	$5, %edi
	jne	g
	.section	.text,"ax",@progbits
	.type	f, @function
f:
	jmp	*%rax
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
