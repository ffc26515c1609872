	call	__llvm_retpoline_r11
