	.type	f, @function
f:
l:
	incl	%eax
	ret
	.ident	"GCC: (GNU) 12.2.0"
