	je	.L1
	vgatherdps %xmm9,(%rax,%xmm9,4),%xmm0
	movb	$1, v(%rip)
	jne	.L2
	call	*g@GOTPCREL(%rip)
	call	*%rax
	call	*%rax
	call	*%rax
	call	*%rax
	call	*%rax
	call	*%rax
	call	*%rax
.L1:
	jmp	*%rax
.L2:
