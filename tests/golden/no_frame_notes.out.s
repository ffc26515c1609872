# Without call frame information in the text (-fno-dwarf2-cfi-asm) the stubs have none either.
# options: passes=relpoline targets=1
	.text
	.globl	f
	.type	f, @function
f:
	.bundle_align_mode 3; call	f.relpoline.0; .Lasmrewrite_site_0: .bundle_align_mode 0
	ret
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.text, 8000
	.p2align 4, 0xcc
	.type	f.relpoline.0, @function
f.relpoline.0:
	cmpq	.Lasmrewrite_slots_0(%rip), %rax
	{disp32} je	__relpoline_retpoline_rax
	{disp32} jmp	__relpoline_retpoline_rax
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
	.byte	1, 0, 0, 1, 3, 0
	.value	1
	.long	0
	.popsection
	.pushsection	.text.__relpoline_retpoline_rax, "axG", @progbits, __relpoline_retpoline_rax, comdat
	.globl	__relpoline_retpoline_rax
	.hidden	__relpoline_retpoline_rax
	.type	__relpoline_retpoline_rax, @function
__relpoline_retpoline_rax:
	call	.Lasmrewrite___relpoline_retpoline_rax_1
.Lasmrewrite___relpoline_retpoline_rax_0:
	pause
	lfence
	jmp	.Lasmrewrite___relpoline_retpoline_rax_0
.Lasmrewrite___relpoline_retpoline_rax_1:
	movq	%rax, (%rsp)
	ret
	int3
	.size	__relpoline_retpoline_rax, .-__relpoline_retpoline_rax
	.popsection
