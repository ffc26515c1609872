	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	cmpb	$0, __SKEY__k(%rip)
	jne	.L1
	ret
.L1:
	.cfi_endproc
	.size	f, .-f
	.section	.text.unlikely,"ax",@progbits
	.globl	f.cold
	.type	f.cold, @function
f.cold:
	.cfi_startproc
	xorl	%eax, %eax
	ret
	.cfi_endproc
	.size	f.cold, .-f.cold
	.ident	"GCC: (GNU) 12.2.0"
