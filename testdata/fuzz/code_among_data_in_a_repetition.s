.irp r,rax,rbx
	.section .init.text
	jmp	__SCT__event
.endr
