# A computed goto is no tail call, whatever the stack looks like.
# options: passes=relpoline targets=1
# left alone: computed-goto
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	leaq	.L2(%rip), %rax
	jmp	*%rax	# 9	[c=0 l=2]  *indirect_jump
.L2:
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
