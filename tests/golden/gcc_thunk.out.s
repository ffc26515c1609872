# gcc -mindirect-branch=thunk-extern: its thunk is the slow path; `cs` pads r8 to r15 to six bytes.
# options: passes=relpoline targets=1
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	pushq	%rbx
	.cfi_def_cfa_offset 16
	.bundle_align_mode 3; call	f.relpoline.0; .Lasmrewrite_site_0: .bundle_align_mode 0
	
.bundle_align_mode 3; call	f.relpoline.1; .Lasmrewrite_site_1: .bundle_align_mode 0
	popq	%rbx
	.cfi_def_cfa_offset 8
	.bundle_align_mode 3; {disp32} jmp	f.relpoline.2; .Lasmrewrite_site_2: .bundle_align_mode 0
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.text, 8000
	.p2align 4, 0xcc
	.type	f.relpoline.0, @function
f.relpoline.0:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_0(%rip), %rax
	{disp32} je	__x86_indirect_thunk_rax
	{disp32} jmp	__x86_indirect_thunk_rax
	.cfi_endproc
	.size	f.relpoline.0, .-f.relpoline.0
	.p2align 4, 0xcc
	.type	f.relpoline.1, @function
f.relpoline.1:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_1(%rip), %r8
	{disp32} je	__x86_indirect_thunk_r8
	{disp32} jmp	__x86_indirect_thunk_r8
	.cfi_endproc
	.size	f.relpoline.1, .-f.relpoline.1
	.p2align 4, 0xcc
	.type	f.relpoline.2, @function
f.relpoline.2:
	.cfi_startproc
	cmpq	.Lasmrewrite_slots_2(%rip), %rdx
	{disp32} je	__x86_indirect_thunk_rdx
	{disp32} jmp	__x86_indirect_thunk_rdx
	.cfi_endproc
	.size	f.relpoline.2, .-f.relpoline.2
	.popsection
	.pushsection	asmrewrite_slots, "awo", @progbits, .Lasmrewrite_site_0
	.balign	8
.Lasmrewrite_slots_0:
	.quad	.Lasmrewrite_slots_0
.Lasmrewrite_slots_1:
	.quad	.Lasmrewrite_slots_1
.Lasmrewrite_slots_2:
	.quad	.Lasmrewrite_slots_2
	.popsection
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_site_0
	.balign	4
	.long	.Lasmrewrite_site_0-5-.
	.long	f.relpoline.0-.
	.long	.Lasmrewrite_slots_0-.
	.byte	1, 0, 0, 1, 3, 3
	.value	1
	.long	0
	.long	.Lasmrewrite_site_1-5-.
	.long	f.relpoline.1-.
	.long	.Lasmrewrite_slots_1-.
	.byte	1, 0, 8, 1, 3, 3
	.value	1
	.long	0
	.long	.Lasmrewrite_site_2-5-.
	.long	f.relpoline.2-.
	.long	.Lasmrewrite_slots_2-.
	.byte	1, 1, 2, 1, 3, 3
	.value	1
	.long	0
	.popsection
