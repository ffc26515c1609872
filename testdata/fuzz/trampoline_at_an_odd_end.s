	nop
	ret
	jmp	__SCT__event
__SCT__event:
