f:
	call foo+8
foo:
	call (%rax)
