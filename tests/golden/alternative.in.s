# Replacement code is copied elsewhere before it runs.
# options: abi=kernel
# left alone: alternative
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	__SCT__event
	ret
	.cfi_endproc
	.size	f, .-f
	.section	.altinstr_replacement,"ax"
	call	__SCT__event
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
