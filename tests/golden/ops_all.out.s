# All passes in one run: a function's first instruction is an indirect jump, and another's a static call.
# options: passes=relpoline,static-call,call-ops targets=1
	.section	.text._ZN1AC2Ev,"axG",@progbits,_ZN1AC5Ev,comdat
	.weak	_ZN1AC1Ev
	.type	_ZN1AC1Ev, @function
.p2align 3,,4; .Lasmrewrite_entry_0: _ZN1AC1Ev:
	.cfi_startproc
	.bundle_align_mode 3; {disp8} nopl	(%rax,%rax); .Lasmrewrite_ops_0: .bundle_align_mode 0; .bundle_align_mode 3; {disp32} jmp	_ZN1AC1Ev.relpoline.0; .Lasmrewrite_site_0: .bundle_align_mode 0
	.cfi_endproc
	.size	_ZN1AC1Ev, .-_ZN1AC1Ev
	.text
	.type	f, @function
.p2align 3,,4; .Lasmrewrite_entry_1: f:
	.cfi_startproc
	.bundle_align_mode 3; {disp8} nopl	(%rax,%rax); .Lasmrewrite_ops_1: .bundle_align_mode 0; .bundle_align_mode 3; jmp	__SCT__event; .Lasmrewrite_static_0: .bundle_align_mode 0
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.text._ZN1AC2Ev, 8000, "axG", @progbits, _ZN1AC5Ev, comdat
	.p2align 4, 0xcc
	.type	_ZN1AC1Ev.relpoline.0, @function
_ZN1AC1Ev.relpoline.0:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_0(%rip), %rax
	{disp32} je	__relpoline_retpoline_rax
	{disp32} jmp	__relpoline_retpoline_rax
	.cfi_endproc
	.size	_ZN1AC1Ev.relpoline.0, .-_ZN1AC1Ev.relpoline.0
	.popsection
	.pushsection	asmrewrite_slots, "awoG", @progbits, .Lasmrewrite_site_0, _ZN1AC5Ev, comdat
	.balign	8
.Lasmrewrite_slots_0:
	.quad	.Lasmrewrite_slots_0
	.popsection
	.pushsection	asmrewrite_sites, "aoG", @progbits, .Lasmrewrite_site_0, _ZN1AC5Ev, comdat
	.balign	4
	.long	.Lasmrewrite_site_0-5-.
	.long	_ZN1AC1Ev.relpoline.0-.
	.long	.Lasmrewrite_slots_0-.
	.byte	1, 1, 0, 1, 3, 0
	.value	1
	.long	0
	.popsection
	.pushsection	.text.__relpoline_retpoline_rax, "axG", @progbits, __relpoline_retpoline_rax, comdat
	.globl	__relpoline_retpoline_rax
	.hidden	__relpoline_retpoline_rax
	.type	__relpoline_retpoline_rax, @function
__relpoline_retpoline_rax:
	.cfi_startproc
	call	.Lasmrewrite___relpoline_retpoline_rax_1
.Lasmrewrite___relpoline_retpoline_rax_0:
	pause
	lfence
	jmp	.Lasmrewrite___relpoline_retpoline_rax_0
.Lasmrewrite___relpoline_retpoline_rax_1:
	.cfi_def_cfa_offset 16
	movq	%rax, (%rsp)
	ret
	int3
	.cfi_endproc
	.size	__relpoline_retpoline_rax, .-__relpoline_retpoline_rax
	.popsection
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_static_0
	.balign	4
	.long	.Lasmrewrite_static_0-5-.
	.long	__SCT__event@GOTPCREL
	.long	0
	.byte	2, 1, 255, 0, 3, 8
	.value	1
	.long	0
	.popsection
	.pushsection	asmrewrite_sites, "aoG", @progbits, .Lasmrewrite_ops_0, _ZN1AC5Ev, comdat
	.balign	4
	.long	.Lasmrewrite_ops_0-5-.
	.long	.Lasmrewrite_entry_0-.
	.long	0
	.byte	4, 3, 255, 0, 3, 0
	.value	1
	.long	0
	.popsection
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_ops_1
	.balign	4
	.long	.Lasmrewrite_ops_1-5-.
	.long	.Lasmrewrite_entry_1-.
	.long	0
	.byte	4, 3, 255, 0, 3, 0
	.value	1
	.long	0
	.popsection
