call *%rax
	.ascii "