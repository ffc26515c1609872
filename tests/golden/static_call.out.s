# A call, a tail call and a conditional tail call of trampolines.
# options: passes=static-call
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	subq	$8, %rsp
	.cfi_def_cfa_offset 16
	.bundle_align_mode 3; call	__SCT__event; .Lasmrewrite_static_0: .bundle_align_mode 0
	addq	$8, %rsp
	.cfi_def_cfa_offset 8
	testl	%eax, %eax
	.bundle_align_mode 3; jne	__SCT__event; .Lasmrewrite_static_1: .bundle_align_mode 0
	.bundle_align_mode 3; jmp	__SCT__other; .Lasmrewrite_static_2: .bundle_align_mode 0
	.cfi_endproc
	.size	f, .-f
	.globl	__SCK__event
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_static_0
	.balign	4
	.long	.Lasmrewrite_static_0-5-.
	.long	__SCK__event@GOTPCREL
	.long	0
	.byte	2, 0, 255, 0, 3, 0
	.value	1
	.long	0
	.long	.Lasmrewrite_static_1-6-.
	.long	__SCK__event@GOTPCREL
	.long	0
	.byte	2, 2, 255, 0, 3, 0
	.value	1
	.long	0
	.long	.Lasmrewrite_static_2-5-.
	.long	__SCT__other@GOTPCREL
	.long	0
	.byte	2, 1, 255, 0, 3, 8
	.value	1
	.long	0
	.popsection
