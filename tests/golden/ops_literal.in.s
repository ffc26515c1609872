# Eight bytes of data stand before each function, which is aligned as it was.
# options: passes=call-ops ops-layout=literal
	.text
	.p2align 4
	.globl	aligned
	.type	aligned, @function
aligned:
	.cfi_startproc
	ret
	.cfi_endproc
	.size	aligned, .-aligned
	.type	unaligned, @function
unaligned:
	.cfi_startproc
	endbr64
	ret
	.cfi_endproc
	.size	unaligned, .-unaligned
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
