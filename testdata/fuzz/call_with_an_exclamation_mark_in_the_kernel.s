	.intel_syntax noprefix
	.cfi_startproc
	call	__x86_indirect_thunk_rax!/* c */
	.cfi_endproc
