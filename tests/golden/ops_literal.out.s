# Eight bytes of data stand before each function, which is aligned as it was.
# options: passes=call-ops ops-layout=literal
	.text
	.p2align 4
	.globl	aligned
	.type	aligned, @function
.p2align 4; .skip 8,0x90; .Lasmrewrite_cell_0: .quad 0; .Lasmrewrite_entry_0: aligned:
	.cfi_startproc
	.bundle_align_mode 3; {disp8} nopl	(%rax,%rax); .Lasmrewrite_ops_0: .bundle_align_mode 0; ret
	.cfi_endproc
	.size	aligned, .-aligned
	.type	unaligned, @function
.p2align 3; .Lasmrewrite_cell_1: .quad 0; .Lasmrewrite_entry_1: unaligned:
	.cfi_startproc
	endbr64; .bundle_align_mode 3; {disp8} nopl	(%rax,%rax); .Lasmrewrite_ops_1: .bundle_align_mode 0
	ret
	.cfi_endproc
	.size	unaligned, .-unaligned
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_ops_0
	.balign	4
	.long	.Lasmrewrite_ops_0-5-.
	.long	.Lasmrewrite_entry_0-.
	.long	.Lasmrewrite_cell_0-.
	.byte	4, 3, 255, 0, 3, 0
	.value	1
	.long	0
	.long	.Lasmrewrite_ops_1-5-.
	.long	.Lasmrewrite_entry_1-.
	.long	.Lasmrewrite_cell_1-.
	.byte	4, 3, 255, 0, 3, 0
	.value	1
	.long	0
	.popsection
