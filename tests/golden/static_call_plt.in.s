# gcc -fPIC calls a trampoline by its PLT entry's name.
# options: passes=static-call
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	__SCT__event@PLT
	jmp	__SCT__event@PLT
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
