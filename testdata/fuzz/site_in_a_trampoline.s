# The stub's name begins as a trampoline's does.
	.type	__SCT__event, @function
__SCT__event:
	call	*8(%rax)
