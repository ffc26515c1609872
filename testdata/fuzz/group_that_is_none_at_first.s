	.section	.text.f,"axG",@progbits,f,
	.section	.text.f,"axG",@progbits,f,comdat
	.type	f, @function
f:
	jmp	*%rax
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
