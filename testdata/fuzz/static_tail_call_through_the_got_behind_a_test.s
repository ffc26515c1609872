	.globl	__SCT__event
	.type	f, @function
f:
	cmpb	$0, __SKEY__k(%rip)
	je	.L1
	jmp	*__SCT__event@GOTPCREL(%rip)
.L1:
	ret
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
