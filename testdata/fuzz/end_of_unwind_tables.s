	.type	f, @function
f:
	.cfi_startproc
	leaq	__SKEY__k(%rip), %rbx
	cmpb	$0, (%rbx)
	jne	.L1
.L1:
	ret
	.cfi_endproc
	.size	f, .-f
	.section	.eh_frame,"aw"
	.4byte	0
	.ident	"GCC: (GNU) 12.2.0"
