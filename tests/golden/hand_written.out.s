# A file without a compiler's mark is taken for hand-written and left alone.
# options: passes=relpoline targets=1
# left alone: hand-written
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	*%rax
	ret
	.cfi_endproc
	.size	f, .-f
