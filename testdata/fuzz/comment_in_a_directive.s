	.secti/* x */on .init.text,"ax"
	call	*%rax
	.section .rodata
	.quad	0
