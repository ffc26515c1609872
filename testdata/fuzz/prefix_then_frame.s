	.type f, @function
f:
	cs 
	.cfi_startproc
	call __llvm_retpoline_r11
	.cfi_endproc
