	notrack
l'2:
	call	__x86_indirect_thunk_rax
