# options: passes=marker
	.text
	.file	"-"
	.globl	f                               # -- Begin function f
	.p2align	4, 0x90
	.type	f,@function
f:                                      # @f
	.cfi_startproc
# %bb.0:
	pushq	%rax
	.cfi_def_cfa_offset 16
	
	
	
	
	movl	$1, %eax; .bundle_align_mode 3; {disp32} jmp	f.marker.0; .Lasmrewrite_marker_0: .bundle_align_mode 0
# %bb.1:
	callq	report@PLT
.LBB0_2:
	popq	%rax
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
	.cfi_def_cfa_offset 16
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
