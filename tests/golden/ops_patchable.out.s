# -fpatchable-function-entry=6: five of the nops are the site, and the table goes on naming its first byte. Nops before
# the function, or fewer, are not ours to take.
# options: passes=call-ops
# left alone: patchable-entry
	.text
	.globl	f
	.type	f, @function
.p2align 3,,4; .Lasmrewrite_entry_0: f:
.LFB0:
	.cfi_startproc
	.section	__patchable_function_entries,"awo",@progbits,f
	.align 8
	.quad	.LPFE1
	.text





	.bundle_align_mode 3; {disp8} nopl	(%rax,%rax); .Lasmrewrite_ops_0: .bundle_align_mode 0; .set .LPFE1, .Lasmrewrite_ops_0-5
	nop
	ret
	.cfi_endproc
	.size	f, .-f
	.section	__patchable_function_entries,"awo",@progbits,f
	.align 8
	.quad	.LPFE2
	.text
.LPFE2:
	nop
	nop
	.type	g, @function
g:
	.cfi_startproc
	nop
	nop
	nop
	nop
	nop
	ret
	.cfi_endproc
	.size	g, .-g
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_ops_0
	.balign	4
	.long	.Lasmrewrite_ops_0-5-.
	.long	.Lasmrewrite_entry_0-.
	.long	0
	.byte	4, 3, 255, 0, 3, 0
	.value	1
	.long	0
	.popsection
