# abi=kernel: without a profile a site stays the call of its thunk, inside its block; special text is left alone.
# options: abi=kernel passes=relpoline,static-call tables=static-call,retpoline
# left alone: special-text 2
	.text
	.globl	f
	.type	f, @function
f:
	.bundle_align_mode 4; call	__x86_indirect_thunk_rax; .Lasmrewrite_site_0: .bundle_align_mode 0	# 8	[c=9 l=5]  *call_value
	
.bundle_align_mode 4; .bundle_lock; cs; call	__x86_indirect_thunk_r13; .bundle_unlock; .Lasmrewrite_site_1: .bundle_align_mode 0	# 9	[c=9 l=6]  *call
	.bundle_align_mode 4; {disp32} jmp	__x86_indirect_thunk_rdx; .Lasmrewrite_site_2: .bundle_align_mode 0	# 10	[c=9 l=5]  *sibcall
	.size	f, .-f
	.section	.noinstr.text,"ax",@progbits
	.type	n, @function
n:
	.Lasmrewrite_at_0: call	__x86_indirect_thunk_rax	# 8	[c=9 l=5]  *call_value
	.size	n, .-n
	.section	.init.text,"ax",@progbits
	.type	i, @function
i:
	.Lasmrewrite_at_1: call	__x86_indirect_thunk_rax	# 8	[c=9 l=5]  *call_value
	.size	i, .-i
	.section	.sched.text,"ax",@progbits
	.type	s, @function
s:
	.bundle_align_mode 4; call	__x86_indirect_thunk_rax; .Lasmrewrite_site_3: .bundle_align_mode 0	# 8	[c=9 l=5]  *call_value
	.bundle_align_mode 4; call	__SCT__event; .Lasmrewrite_static_0: .bundle_align_mode 0
	.size	s, .-s
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.relpoline_sites, "a", @progbits
	.balign	4
	.long	.Lasmrewrite_site_0-5-., 0
	.byte	0, 0, 0, 1
	.long	.Lasmrewrite_site_1-6-., 0
	.byte	13, 0, 0, 1
	.long	.Lasmrewrite_site_2-5-., 0
	.byte	2, 1, 0, 1
	.long	.Lasmrewrite_site_3-5-., 0
	.byte	0, 0, 0, 1
	.popsection
	.pushsection	.static_call_sites, "aw", @progbits
	.balign	4
	.long	.Lasmrewrite_static_0-5-., __SCT__event+0-.
	.popsection
	.pushsection	.retpoline_sites, "a", @progbits
	.balign	4
	.long	.Lasmrewrite_site_0-5-.
	.long	.Lasmrewrite_site_1-6-.
	.long	.Lasmrewrite_site_2-5-.
	.long	.Lasmrewrite_at_0-.
	.long	.Lasmrewrite_at_1-.
	.long	.Lasmrewrite_site_3-5-.
	.popsection
