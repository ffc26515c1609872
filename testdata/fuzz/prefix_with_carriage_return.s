	ds
	.type	f13, @function
f13:
	jmp	__SCT__event
