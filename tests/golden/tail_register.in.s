# A jump through a register that gcc's -dp note calls a sibling call.
# options: passes=relpoline targets=1
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	movq	%rdi, %rax
	jmp	*%rax	# 8	[c=8 l=2]  *sibcall
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
