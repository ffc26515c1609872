# options: passes=marker
	.file	"<stdin>"
	.text
	.p2align 4
	.globl	f
	.type	f, @function
f:
	pushq	%rbx
	movl	%edi, %ebx
#APP
# 3 "<stdin>" 1
	cmpb	$0, __SKEY__debug(%rip)
	jne	.L2
# 0 "" 2
#NO_APP
	leal	1(%rbx), %eax
	popq	%rbx
	ret
	.p2align 4,,10
	.p2align 3
.L2:
	call	report@PLT
	leal	1(%rbx), %eax
	popq	%rbx
	ret
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.section	.note.GNU-stack,"",@progbits
