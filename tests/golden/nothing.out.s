# Nothing to do: the text comes back as it was.
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	g
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
