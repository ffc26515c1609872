# gcc -fcf-protection=branch marks jumps to what has no endbr64; the slow path keeps the mark.
# options: passes=relpoline targets=1 slow=plain
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	endbr64
	.bundle_align_mode 3; call	f.relpoline.0; .Lasmrewrite_site_0: .bundle_align_mode 0
	.bundle_align_mode 3; {disp32} jmp	f.relpoline.1; .Lasmrewrite_site_1: .bundle_align_mode 0
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.text, 8000
	.p2align 4, 0xcc
	.type	f.relpoline.0, @function
f.relpoline.0:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_0(%rip), %rax
	{disp32} je	__relpoline_plain_rax
	{disp32} jmp	__relpoline_plain_rax
	.cfi_endproc
	.size	f.relpoline.0, .-f.relpoline.0
	.p2align 4, 0xcc
	.type	f.relpoline.1, @function
f.relpoline.1:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_1(%rip), %rdx
	{disp32} je	__relpoline_plain_notrack_rdx
	{disp32} jmp	__relpoline_plain_notrack_rdx
	.cfi_endproc
	.size	f.relpoline.1, .-f.relpoline.1
	.popsection
	.pushsection	asmrewrite_slots, "awo", @progbits, .Lasmrewrite_site_0
	.balign	8
.Lasmrewrite_slots_0:
	.quad	.Lasmrewrite_slots_0
.Lasmrewrite_slots_1:
	.quad	.Lasmrewrite_slots_1
	.popsection
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_site_0
	.balign	4
	.long	.Lasmrewrite_site_0-5-.
	.long	f.relpoline.0-.
	.long	.Lasmrewrite_slots_0-.
	.byte	1, 0, 0, 1, 3, 2
	.value	1
	.long	0
	.long	.Lasmrewrite_site_1-5-.
	.long	f.relpoline.1-.
	.long	.Lasmrewrite_slots_1-.
	.byte	1, 1, 2, 1, 3, 6
	.value	1
	.long	0
	.popsection
	.pushsection	.text.__relpoline_plain_rax, "axG", @progbits, __relpoline_plain_rax, comdat
	.globl	__relpoline_plain_rax
	.hidden	__relpoline_plain_rax
	.type	__relpoline_plain_rax, @function
__relpoline_plain_rax:
	.cfi_startproc
	jmp	*%rax
	int3
	.cfi_endproc
	.size	__relpoline_plain_rax, .-__relpoline_plain_rax
	.popsection
	.pushsection	.text.__relpoline_plain_notrack_rdx, "axG", @progbits, __relpoline_plain_notrack_rdx, comdat
	.globl	__relpoline_plain_notrack_rdx
	.hidden	__relpoline_plain_notrack_rdx
	.type	__relpoline_plain_notrack_rdx, @function
__relpoline_plain_notrack_rdx:
	.cfi_startproc
	notrack jmp	*%rdx
	int3
	.cfi_endproc
	.size	__relpoline_plain_notrack_rdx, .-__relpoline_plain_notrack_rdx
	.popsection
