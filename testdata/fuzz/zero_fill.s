	int3
f:
	.cfi_startproc
	.p2align 4,0
	jmp	__SCT__event@PLT
	.cfi_endproc
