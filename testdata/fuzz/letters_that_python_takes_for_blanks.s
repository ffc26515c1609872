# Letters that end with the byte 0xa0 or 0x85 in UTF-8.
	.section	.text.fooà,"ax",@progbits
	.type	fooà, @function
fooà:
	call	*barÅ
	call	*%rax
	ret
	.size	fooà, .-fooà
	.ident	"GCC: (GNU) 12.2.0"
