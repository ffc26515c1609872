# A plain slow path, blocks of 64 bytes.
# options: passes=relpoline targets=1 slow=plain bundle=6
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	*%r13
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
