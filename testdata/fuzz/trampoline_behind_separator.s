# The label stands behind another statement, and the jump to it would be short.
	.balign 8; __SCT__event:
	.cfi_startproc
	jmp	__SCT__event
	.cfi_endproc
	.ident	"GCC: (GNU) 12.2.0"
