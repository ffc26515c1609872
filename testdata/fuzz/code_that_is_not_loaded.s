	.section .x,"x"
	call	*%rax
	xorl	%eax, %eax
	call	*%rax
	call	*8(%rax)
