# functions= and skip-functions= choose by whole names.
# options: passes=relpoline targets=1 functions=hot_.* skip-functions=.*_b
# left alone: function-excluded 2
	.text
	.globl	hot_a
	.type	hot_a, @function
hot_a:
	.cfi_startproc
	.bundle_align_mode 3; call	hot_a.relpoline.0; .Lasmrewrite_site_0: .bundle_align_mode 0
	ret
	.cfi_endproc
	.size	hot_a, .-hot_a
	.globl	hot_b
	.type	hot_b, @function
hot_b:
	.cfi_startproc
	call	*%rax
	ret
	.cfi_endproc
	.size	hot_b, .-hot_b
	.globl	rest
	.type	rest, @function
rest:
	.cfi_startproc
	call	*%rax
	ret
	.cfi_endproc
	.size	rest, .-rest
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.text, 8000
	.p2align 4, 0xcc
	.type	hot_a.relpoline.0, @function
hot_a.relpoline.0:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_0(%rip), %rax
	{disp32} je	__relpoline_retpoline_rax
	{disp32} jmp	__relpoline_retpoline_rax
	.cfi_endproc
	.size	hot_a.relpoline.0, .-hot_a.relpoline.0
	.popsection
	.pushsection	asmrewrite_slots, "awo", @progbits, .Lasmrewrite_site_0
	.balign	8
.Lasmrewrite_slots_0:
	.quad	.Lasmrewrite_slots_0
	.popsection
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_site_0
	.balign	4
	.long	.Lasmrewrite_site_0-5-.
	.long	hot_a.relpoline.0-.
	.long	.Lasmrewrite_slots_0-.
	.byte	1, 0, 0, 1, 3, 0
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
