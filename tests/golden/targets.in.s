# A chain of three and the lfence slow path.
# options: passes=relpoline targets=3 slow=lfence
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	*%rbp
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
