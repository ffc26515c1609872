	cmpl	$5, %edi
	jne	g
	.text	0
	.type	f, @function
f:
	jmp	*%rax
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
