# The cold part of a function has stubs of its own, in its own section.
# options: passes=relpoline targets=1
	.text
	.type	f, @function
f:
	.cfi_startproc
	testl	%edi, %edi
	je	.L2
	ret
	.cfi_endproc
	.section	.text.unlikely,"ax",@progbits
	.cfi_startproc
	.type	f.cold, @function
f.cold:
.L2:
	.bundle_align_mode 3; call	f.cold.relpoline.0; .Lasmrewrite_site_0: .bundle_align_mode 0
	ret
	.cfi_endproc
	.text
	.size	f, .-f
	.section	.text.unlikely
	.size	f.cold, .-f.cold
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.text.unlikely, 8000, "ax", @progbits
	.p2align 4, 0xcc
	.type	f.cold.relpoline.0, @function
f.cold.relpoline.0:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_0(%rip), %rbx
	{disp32} je	__relpoline_retpoline_rbx
	{disp32} jmp	__relpoline_retpoline_rbx
	.cfi_endproc
	.size	f.cold.relpoline.0, .-f.cold.relpoline.0
	.popsection
	.pushsection	asmrewrite_slots, "awo", @progbits, .Lasmrewrite_site_0
	.balign	8
.Lasmrewrite_slots_0:
	.quad	.Lasmrewrite_slots_0
	.popsection
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_site_0
	.balign	4
	.long	.Lasmrewrite_site_0-5-.
	.long	f.cold.relpoline.0-.
	.long	.Lasmrewrite_slots_0-.
	.byte	1, 0, 3, 1, 3, 0
	.value	1
	.long	0
	.popsection
	.pushsection	.text.__relpoline_retpoline_rbx, "axG", @progbits, __relpoline_retpoline_rbx, comdat
	.globl	__relpoline_retpoline_rbx
	.hidden	__relpoline_retpoline_rbx
	.type	__relpoline_retpoline_rbx, @function
__relpoline_retpoline_rbx:
	.cfi_startproc
	call	.Lasmrewrite___relpoline_retpoline_rbx_1
.Lasmrewrite___relpoline_retpoline_rbx_0:
	pause
	lfence
	jmp	.Lasmrewrite___relpoline_retpoline_rbx_0
.Lasmrewrite___relpoline_retpoline_rbx_1:
	.cfi_def_cfa_offset 16
	movq	%rbx, (%rsp)
	ret
	int3
	.cfi_endproc
	.size	__relpoline_retpoline_rbx, .-__relpoline_retpoline_rbx
	.popsection
