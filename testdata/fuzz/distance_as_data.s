start:
	call	*%rax
	.set	x, .-start
	.long	x
	ret
