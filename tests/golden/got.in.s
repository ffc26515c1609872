# gcc -fno-plt: a call through a GOT entry is an indirect call like any other.
# options: passes=relpoline targets=1
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	*g@GOTPCREL(%rip)
	jmp	*h@GOTPCREL(%rip)
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
