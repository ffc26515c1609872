	call	foo+8
	call	__x86_indirect_thunk_rax
	.section	__x86_indirect_thunk_rax,"ax"
