	.section	.text._ZN1AC2Ev,"axG",@progbits,_ZN1AC5Evcomdat
	.cfi_startproc
	call	*(%rax)
	.cfi_endproc
