# A plain slow path, blocks of 64 bytes.
# options: passes=relpoline targets=1 slow=plain bundle=6
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	.bundle_align_mode 6; call	f.relpoline.0; .Lasmrewrite_site_0: .bundle_align_mode 0
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.text, 8000
	.p2align 4, 0xcc
	.type	f.relpoline.0, @function
f.relpoline.0:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_0(%rip), %r13
	{disp32} je	__relpoline_plain_r13
	{disp32} jmp	__relpoline_plain_r13
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
	.byte	1, 0, 13, 1, 6, 2
	.value	1
	.long	0
	.popsection
	.pushsection	.text.__relpoline_plain_r13, "axG", @progbits, __relpoline_plain_r13, comdat
	.globl	__relpoline_plain_r13
	.hidden	__relpoline_plain_r13
	.type	__relpoline_plain_r13, @function
__relpoline_plain_r13:
	.cfi_startproc
	jmp	*%r13
	int3
	.cfi_endproc
	.size	__relpoline_plain_r13, .-__relpoline_plain_r13
	.popsection
