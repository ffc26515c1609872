# What is read is the code behind the branch, of which a rewriting makes more.
	call	*(%rip)
	.quad	foo
	bndmov	%bnd2, 0x3333(%rip)
	call	*%rax
