	jmp	*%rax	# 8	[c=9 l=2]  *sibcall
	.macro call x
	nop
	.endm
