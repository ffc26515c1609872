	notrack;l24:
call	__SCT__event
	.macro call x
.endm
