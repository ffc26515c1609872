# options: passes=marker
	.text
	.file	"-"
	.globl	f                               # -- Begin function f
	.p2align	4, 0x90
	.type	f,@function
f:                                      # @f
	.cfi_startproc
# %bb.0:
	subq	$24, %rsp
	.cfi_def_cfa_offset 32
	
	
	
	
	.p2align 3, 0x2e, 4; {disp32} jmp	f.marker.0; .Lasmrewrite_marker_0:
# %bb.1:
	movl	$1, 20(%rsp)
	movl	20(%rsp), %eax
	#APP
	#NO_APP
	movl	%eax, 20(%rsp)
	movl	20(%rsp), %eax
	movl	%eax, 16(%rsp)
	movl	16(%rsp), %eax
	movl	%eax, 12(%rsp)                  # 4-byte Spill
	jmp	.LBB0_3
.LBB0_2:
	xorl	%eax, %eax
	movl	%eax, 12(%rsp)                  # 4-byte Spill
	jmp	.LBB0_3
.LBB0_3:
	movl	12(%rsp), %eax                  # 4-byte Reload
	cltq
	cmpq	$0, %rax
	je	.LBB0_5
# %bb.4:
	callq	report@PLT
.LBB0_5:
	addq	$24, %rsp
	.cfi_def_cfa_offset 8
	retq
.Lfunc_end0:
	.size	f, .Lfunc_end0-f
	.cfi_endproc
                                        # -- End function
	.ident	"Debian clang version 14.0.6"
	.section	".note.GNU-stack","",@progbits
	.pushsection	.text, 8000
	.type	f.marker.0, @function
f.marker.0:
	.cfi_startproc
	.cfi_def_cfa_offset 32
	movq	__SKEY__debug@GOTPCREL(%rip), %rax
	movb	(%rax), %al
	movzbl	%al, %eax
	cmpl	$0, %eax
	je	.LBB0_2
	{disp32} jmp	.Lasmrewrite_marker_0
	.cfi_endproc
	.size	f.marker.0, .-f.marker.0
	.popsection
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_marker_0
	.balign	4
	.long	.Lasmrewrite_marker_0-5-.
	.long	__SKEY__debug@GOTPCREL
	.long	.LBB0_2-.
	.byte	3, 1, 255, 0, 3, 16
	.value	1
	.long	0
	.popsection
