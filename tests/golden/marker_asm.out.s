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
	
	.p2align 3, 0x2e, 4; {disp32} jmp	f.marker.0; .Lasmrewrite_marker_0:
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
	.pushsection	.text, 8000
	.type	f.marker.0, @function
f.marker.0:
	cmpb	$0, __SKEY__debug(%rip)
	jne	.L2
	{disp32} jmp	.Lasmrewrite_marker_0
	.size	f.marker.0, .-f.marker.0
	.popsection
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_marker_0
	.balign	4
	.long	.Lasmrewrite_marker_0-5-.
	.long	__SKEY__debug@GOTPCREL
	.long	.L2-.
	.byte	3, 1, 255, 0, 3, 0
	.value	1
	.long	0
	.popsection
