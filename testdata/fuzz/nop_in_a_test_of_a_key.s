	.type	f, @function
f:
	call	g
	movzbl	__SKEY__k(%rip), %edx
	testb	%dl, %dl
	nop
	je	.L1
	movl	%edx, %eax
.L1:
	movl	%edx, %ecx
	jmp	g
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
