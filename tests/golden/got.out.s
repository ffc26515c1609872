# gcc -fno-plt: a call through a GOT entry is an indirect call like any other.
# options: passes=relpoline targets=1
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	movq	g@GOTPCREL(%rip), %r11; .bundle_align_mode 3; call	f.relpoline.0; .Lasmrewrite_site_0: .bundle_align_mode 0
	movq	h@GOTPCREL(%rip), %r11; .bundle_align_mode 3; {disp32} jmp	f.relpoline.1; .Lasmrewrite_site_1: .bundle_align_mode 0
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.text, 8000
	.p2align 4, 0xcc
	.type	f.relpoline.0, @function
f.relpoline.0:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_0(%rip), %r11
	{disp32} je	__relpoline_retpoline_r11
	{disp32} jmp	__relpoline_retpoline_r11
	.cfi_endproc
	.size	f.relpoline.0, .-f.relpoline.0
	.p2align 4, 0xcc
	.type	f.relpoline.1, @function
f.relpoline.1:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_1(%rip), %r11
	{disp32} je	__relpoline_retpoline_r11
	{disp32} jmp	__relpoline_retpoline_r11
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
	.byte	1, 0, 11, 1, 3, 0
	.value	1
	.long	0
	.long	.Lasmrewrite_site_1-5-.
	.long	f.relpoline.1-.
	.long	.Lasmrewrite_slots_1-.
	.byte	1, 1, 11, 1, 3, 0
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
