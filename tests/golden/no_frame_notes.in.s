# Without call frame information in the text (-fno-dwarf2-cfi-asm) the stubs have none either.
# options: passes=relpoline targets=1
	.text
	.globl	f
	.type	f, @function
f:
	call	*%rax
	ret
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
