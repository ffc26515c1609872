	.section	.text.a,"ax"
__SCT__event:
	ret
	.text
	call	__SCT__event
	jmp	*__SCT__event@GOTPCREL(%rip)
