# The same jump with the frame still there could be anything, and is left alone.
# options: passes=relpoline targets=1
# left alone: not-proven
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	subq	$8, %rsp
	.cfi_def_cfa_offset 16
	jmp	*%rdx
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
