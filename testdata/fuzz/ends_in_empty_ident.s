	jmp	*%rax	# 111	[c=9 l=2]  *sibcall_value
	.ident	