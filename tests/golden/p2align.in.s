# align=p2align: padding for assemblers that cannot leave bundle mode.
# options: targets=1 align=p2align bundle=4
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	*%rax
	call	__SCT__event
	jne	__SCT__event
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
