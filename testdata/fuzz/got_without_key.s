f14:
	.cfi_startproc
	call *__SCT__event@GOTPCREL(%rip)
	.cfi_endproc
