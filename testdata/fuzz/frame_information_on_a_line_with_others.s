	.type	f, @function
f:
	.cfi_startproc
	pushq	%rbx; .cfi_adjust_cfa_offset 8
	cmpb	$0, __SKEY__k(%rip)
	jne	.L1
	incl	%eax
.L1:
	popq	%rbx # x; .cfi_adjust_cfa_offset 8
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
