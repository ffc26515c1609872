	call *%rax
	call *(%rip)
	.byte	0, 1, 2, 3
	.org	0x18
