# A COMDAT function takes its stubs, slots and records into its group.
# options: passes=relpoline targets=1
	.section	.text._ZN1AC2Ev,"axG",@progbits,_ZN1AC5Ev,comdat
	.weak	_ZN1AC1Ev
	.globl	_ZN1AC1Ev
	.type	_ZN1AC1Ev, @function
_ZN1AC1Ev:
	.cfi_startproc
	movq	(%rax), %r11; .bundle_align_mode 3; call	_ZN1AC1Ev.relpoline.0; .Lasmrewrite_site_0: .bundle_align_mode 0
	ret
	.cfi_endproc
	.size	_ZN1AC1Ev, .-_ZN1AC1Ev
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.text._ZN1AC2Ev, 8000, "axG", @progbits, _ZN1AC5Ev, comdat
	.p2align 4, 0xcc
	.type	_ZN1AC1Ev.relpoline.0, @function
_ZN1AC1Ev.relpoline.0:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_0(%rip), %r11
	{disp32} je	__relpoline_retpoline_r11
	{disp32} jmp	__relpoline_retpoline_r11
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
	.byte	1, 0, 11, 1, 3, 0
	.value	1
	.long	0
	.popsection
	.pushsection	.text.__relpoline_retpoline_r11, "axG", @progbits, __relpoline_retpoline_r11, comdat
	.globl	__relpoline_retpoline_r11
	.hidden	__relpoline_retpoline_r11
	.type	__relpoline_retpoline_r11, @function
__relpoline_retpoline_r11:
	.cfi_startproc
	call	.Lasmrewrite___relpoline_retpoline_r11_1
.Lasmrewrite___relpoline_retpoline_r11_0:
	pause
	lfence
	jmp	.Lasmrewrite___relpoline_retpoline_r11_0
.Lasmrewrite___relpoline_retpoline_r11_1:
	.cfi_def_cfa_offset 16
	movq	%r11, (%rsp)
	ret
	int3
	.cfi_endproc
	.size	__relpoline_retpoline_r11, .-__relpoline_retpoline_r11
	.popsection
