# gas knows .init, and nothing that begins with it: this section is not for code.
	.section .init.text
	jmp	__SCT__event
	call	*%rax
