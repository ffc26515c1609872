	cs
	call	__SCT__event
	call	*8(%rax)
	ret
