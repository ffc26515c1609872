# Without notes a jump is a tail call when the stack is as on entry and no label's address is taken.
# options: passes=relpoline targets=1
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	subq	$8, %rsp
	.cfi_def_cfa_offset 16
	call	g
	addq	$8, %rsp
	.cfi_def_cfa_offset 8
	.bundle_align_mode 3; {disp32} jmp	f.relpoline.0; .Lasmrewrite_site_0: .bundle_align_mode 0
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.text, 8000
	.p2align 4, 0xcc
	.type	f.relpoline.0, @function
f.relpoline.0:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_0(%rip), %rdx
	{disp32} je	__relpoline_retpoline_rdx
	{disp32} jmp	__relpoline_retpoline_rdx
	.cfi_endproc
	.size	f.relpoline.0, .-f.relpoline.0
	.popsection
	.pushsection	asmrewrite_slots, "awo", @progbits, .Lasmrewrite_site_0
	.balign	8
.Lasmrewrite_slots_0:
	.quad	.Lasmrewrite_slots_0
	.popsection
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_site_0
	.balign	4
	.long	.Lasmrewrite_site_0-5-.
	.long	f.relpoline.0-.
	.long	.Lasmrewrite_slots_0-.
	.byte	1, 1, 2, 1, 3, 0
	.value	1
	.long	0
	.popsection
	.pushsection	.text.__relpoline_retpoline_rdx, "axG", @progbits, __relpoline_retpoline_rdx, comdat
	.globl	__relpoline_retpoline_rdx
	.hidden	__relpoline_retpoline_rdx
	.type	__relpoline_retpoline_rdx, @function
__relpoline_retpoline_rdx:
	.cfi_startproc
	call	.Lasmrewrite___relpoline_retpoline_rdx_1
.Lasmrewrite___relpoline_retpoline_rdx_0:
	pause
	lfence
	jmp	.Lasmrewrite___relpoline_retpoline_rdx_0
.Lasmrewrite___relpoline_retpoline_rdx_1:
	.cfi_def_cfa_offset 16
	movq	%rdx, (%rsp)
	ret
	int3
	.cfi_endproc
	.size	__relpoline_retpoline_rdx, .-__relpoline_retpoline_rdx
	.popsection
