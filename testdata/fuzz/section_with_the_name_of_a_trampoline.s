# gas has one symbol for a section and what has its name.
	.text
	call	__SCT__event
	call	__x86_indirect_thunk_rax
	call	*%rbx
	.section	__SCT__event,"ax"
	call	__SCT__event
	.section	__x86_indirect_thunk_rax,"ax"
	ret
