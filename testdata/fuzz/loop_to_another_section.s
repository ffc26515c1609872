# The addend of a short branch to another section changes with what it leads to.
	.text
	call	*%rax
foo:
	ret
	.section	.text.f,"ax",@progbits
	loop	foo
	jrcxz	foo
