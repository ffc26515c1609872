# gcc -masm=intel; what is appended stands in AT&T syntax.
# options: passes=relpoline targets=1
	.intel_syntax noprefix
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	rax
	call	[QWORD PTR 8[rbx]]
	jmp	[QWORD PTR hooks[0+rdi*8]]
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
