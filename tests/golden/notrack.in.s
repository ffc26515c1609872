# gcc -fcf-protection=branch marks jumps to what has no endbr64; the slow path keeps the mark.
# options: passes=relpoline targets=1 slow=plain
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	endbr64
	call	*%rax
	notrack jmp	*%rdx
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
