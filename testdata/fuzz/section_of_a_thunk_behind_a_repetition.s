.irpc c,89
	.text
.endr
	call	__x86_indirect_thunk_rax
	.section	__x86_indirect_thunk_rax,"ax"
