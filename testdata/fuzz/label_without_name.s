"":
	call *%rax
