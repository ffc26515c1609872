	.cfi_startproc
	.cfi_endproc
	.cfi_startproc
16: 	jmp	__SCT__event
	.cfi_endproc
