	notrack call *%r11
	call (%rax)
