# gcc -fno-plt calls it through the GOT; a static call is direct.
# options: passes=static-call
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	*__SCT__event@GOTPCREL(%rip)
	jmp	*__SCT__event@GOTPCREL(%rip)
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
