	.type	f, @function
f:
l:
	incl	%eax
	ret
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
