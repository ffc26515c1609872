	.rept 2
	call	__SCT__event
	.endr
	data16
	.p2align 4
	ret
