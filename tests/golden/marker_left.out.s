# A key that decides a value stays a load.
# options: passes=marker
# left alone: key-value
	.text
	.globl	f
	.type	f, @function
f:
	cmpb	$0, __SKEY__debug(%rip)
	setne	%al
	movzbl	%al, %eax
	ret
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
	.section	.note.GNU-stack,"",@progbits
