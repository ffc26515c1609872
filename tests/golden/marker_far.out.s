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
	
	.p2align 3, 0x2e, 4; {disp32} jmp	g.marker.0; .Lasmrewrite_marker_0:
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
	.pushsection	.text, 8000
	.type	g.marker.0, @function
g.marker.0:
	.cfi_startproc
	cmpb	$0, (%rax)
	je	.L4
	{disp32} jmp	.Lasmrewrite_marker_0
	.cfi_endproc
	.size	g.marker.0, .-g.marker.0
	.popsection
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_marker_0
	.balign	4
	.long	.Lasmrewrite_marker_0-5-.
	.long	__SKEY__fast@GOTPCREL
	.long	.L4-.
	.byte	3, 1, 255, 0, 3, 16
	.value	1
	.long	0
	.popsection
