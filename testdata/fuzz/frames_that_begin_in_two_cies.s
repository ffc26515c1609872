	.type	f, @function
f:
	.cfi_startproc
	.cfi_undefined 16
	movzbl	__SKEY__k(%rip), %ebp
	testl	%ebp, %ebp
	je	.L1
.L1:
	ret
	.cfi_endproc
	.cfi_startproc
	.cfi_remember_state
	pushq	%rbx
	.cfi_restore_state
	.cfi_endproc
	.ident	"GCC: (GNU) 12.2.0"
