	.type	f, @function
f:
	incl	%eax
	.size	f, .-f
	.type	g, @function
g:
	ret
	.size	g, .-g
	.ident	"GCC: (GNU) 12.2.0"
