# -pg -mfentry: the call is the site, and the function without one, which has the attribute no_instrument_function, is
# left alone.
# options: passes=call-ops
# left alone: not-instrumented
	.text
	.globl	f
	.type	f, @function
.p2align 3,,4; .Lasmrewrite_entry_0: f:
.LFB0:
	.cfi_startproc
1:	.bundle_align_mode 3; {disp8} nopl	(%rax,%rax); .Lasmrewrite_ops_0: .bundle_align_mode 0	# __fentry__
	ret
	.cfi_endproc
	.size	f, .-f
	.type	g, @function
.Lasmrewrite_entry_1: g:
	.cfi_startproc
	endbr64
1:	.bundle_align_mode 3; {disp8} nopl	(%rax,%rax); .Lasmrewrite_ops_1: .bundle_align_mode 0	# __fentry__
	ret
	.cfi_endproc
	.size	g, .-g
	.type	quiet, @function
quiet:
	.cfi_startproc
	ret
	.cfi_endproc
	.size	quiet, .-quiet
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_ops_0
	.balign	4
	.long	.Lasmrewrite_ops_0-5-.
	.long	.Lasmrewrite_entry_0-.
	.long	0
	.byte	4, 3, 255, 0, 3, 0
	.value	1
	.long	0
	.long	.Lasmrewrite_ops_1-5-.
	.long	.Lasmrewrite_entry_1-.
	.long	0
	.byte	4, 3, 255, 0, 3, 0
	.value	1
	.long	0
	.popsection
