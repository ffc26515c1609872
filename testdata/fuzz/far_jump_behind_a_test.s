	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	cmpb	$0, __SKEY__k(%rip)
	jne	.L1
	ljmp	*(%rax)
.L1:
	ret
	.cfi_endproc
	.size	f, .-f
	.text
	.globl	g
	.type	g, @function
g:
	.cfi_startproc
	cmpb	$0, __SKEY__k(%rip)
	jne	.L2
	jmp	*%rsp
.L2:
	ret
	.cfi_endproc
	.size	g, .-g
	.ident	"GCC: (GNU) 12.2.0"
