# abi=kernel: objtool's table, with its key where the file names it, and 64-byte blocks.
# options: abi=kernel
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	__SCT__event
	movq	__SCK__event(%rip), %rax
	jmp	__SCT__other
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
