# A call, a tail call and a conditional tail call of trampolines.
# options: passes=static-call
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	subq	$8, %rsp
	.cfi_def_cfa_offset 16
	call	__SCT__event
	addq	$8, %rsp
	.cfi_def_cfa_offset 8
	testl	%eax, %eax
	jne	__SCT__event
	jmp	__SCT__other
	.cfi_endproc
	.size	f, .-f
	.globl	__SCK__event
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
