.popsection .data
	call	*%rax
