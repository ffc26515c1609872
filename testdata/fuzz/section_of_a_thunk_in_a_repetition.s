	.text
	call	__x86_indirect_thunk_rax
	call	__SCT__event
	call	*%rbx
.irp r,rax,rbx
	.section __x86_indirect_thunk_rax,"ax"
	ret
.endr
