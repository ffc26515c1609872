	nop
__SCT__event:
	jmp	*__SCT__event@GOTPCREL(%rip)
