	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	__x86_indirect_thunk_rax
	je	__x86_indirect_thunk_rax
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
