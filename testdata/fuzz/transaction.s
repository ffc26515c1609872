# Transactions begin with a branch, which leads elsewhere by as much as a site is longer.
f:
	xbegin	1f
	call	*%rax
	call	*8(%rbx)
	call	*16(%rbx)
	xend
1:	ret
	.ident	"GCC: (GNU) 12.2.0"
