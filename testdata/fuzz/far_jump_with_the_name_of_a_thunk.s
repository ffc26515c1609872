# A far jump needs no star: the symbol names a pointer, and is no thunk and no trampoline.
	.text
f:
	ljmp	__x86_indirect_thunk_r8
	lcall	__SCT__event
	call	__x86_indirect_thunk_rax
	call	__SCT__event
	.intel_syntax noprefix
	jmpw	__SCT__event
	ret
