# The trampolines' prefixes are an option.
# options: passes=static-call static-call-prefix=my_tramp_
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	my_tramp_event
	call	__SCT__event
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
