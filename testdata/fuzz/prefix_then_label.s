	notrack
l12:
	call	__x86_indirect_thunk_rax
