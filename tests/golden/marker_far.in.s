# options: passes=marker
	.file	"<stdin>"
	.text
	.p2align 4
	.globl	g
	.type	g, @function
g:
.LFB9:
	.cfi_startproc
	movq	__SKEY__fast@GOTPCREL(%rip), %rax
#APP
# 3 "<stdin>" 1
	cmpb	$0, (%rax)
	je	.L4
# 0 "" 2
.L2:
#NO_APP
	subq	$8, %rsp
	.cfi_def_cfa_offset 16
	call	quick@PLT
	addq	$8, %rsp
	.cfi_def_cfa_offset 8
	leal	1(%rax), %edi
	movl	%edi, %eax
	ret
	.p2align 4,,10
	.p2align 3
.L4:
	movl	%edi, %eax
	ret
	.cfi_endproc
.LFE9:
	.size	g, .-g
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.section	.note.GNU-stack,"",@progbits
