# A chain of three and the lfence slow path.
# options: passes=relpoline targets=3 slow=lfence
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	.bundle_align_mode 3; call	f.relpoline.0; .Lasmrewrite_site_0: .bundle_align_mode 0
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.text, 8000
	.p2align 4, 0xcc
	.type	f.relpoline.0, @function
f.relpoline.0:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_0(%rip), %rbp
	{disp32} je	__relpoline_lfence_rbp
	cmpq	.Lasmrewrite_slots_0+8(%rip), %rbp
	{disp32} je	__relpoline_lfence_rbp
	cmpq	.Lasmrewrite_slots_0+16(%rip), %rbp
	{disp32} je	__relpoline_lfence_rbp
	{disp32} jmp	__relpoline_lfence_rbp
	.cfi_endproc
	.size	f.relpoline.0, .-f.relpoline.0
	.popsection
	.pushsection	asmrewrite_slots, "awo", @progbits, .Lasmrewrite_site_0
	.balign	8
.Lasmrewrite_slots_0:
	.quad	.Lasmrewrite_slots_0, .Lasmrewrite_slots_0+8, .Lasmrewrite_slots_0+16
	.popsection
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_site_0
	.balign	4
	.long	.Lasmrewrite_site_0-5-.
	.long	f.relpoline.0-.
	.long	.Lasmrewrite_slots_0-.
	.byte	1, 0, 5, 3, 3, 1
	.value	1
	.long	0
	.popsection
	.pushsection	.text.__relpoline_lfence_rbp, "axG", @progbits, __relpoline_lfence_rbp, comdat
	.globl	__relpoline_lfence_rbp
	.hidden	__relpoline_lfence_rbp
	.type	__relpoline_lfence_rbp, @function
__relpoline_lfence_rbp:
	.cfi_startproc
	lfence
	jmp	*%rbp
	int3
	.cfi_endproc
	.size	__relpoline_lfence_rbp, .-__relpoline_lfence_rbp
	.popsection
