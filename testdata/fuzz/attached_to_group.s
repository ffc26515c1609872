	call	*%rax
	.section foo, "G", %progbits, foo.group
	.text
	.attach_to_group foo.group
