	nop
	.type	f, @function
f:
	cmpb	$0, __SKEY__k(%rip)
	nop
	cmpb	$0, __SKEY__k(%rip)
	jne	.L1
.L1:
	jmp	g@PLT
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
