.arch generic32
	call	*__SCT__event@GOTPCREL(%rip)
