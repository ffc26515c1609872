# A call through memory: the target goes to %r11, which is free at every call.
# options: passes=relpoline targets=1
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	*%fs:(%r11)
	call	*8(%rbx)
	call	*(%rax,%rcx,8)
	call	*hooks+16(%rip)
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
