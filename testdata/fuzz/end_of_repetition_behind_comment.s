.rept 1
 /* */ .endr
.rept 1
	call	*%rax
 /* */ .endr
.macro m97
	call	*%rax
 /* *x .endr
.rept 1
 /* */ .endr
	call	*%rax
.endm
	call	*%rax
