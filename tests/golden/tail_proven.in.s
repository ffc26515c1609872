# Without notes a jump is a tail call when the stack is as on entry and no label's address is taken.
# options: passes=relpoline targets=1
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	subq	$8, %rsp
	.cfi_def_cfa_offset 16
	call	g
	addq	$8, %rsp
	.cfi_def_cfa_offset 8
	jmp	*%rdx
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
