# Replacement code is copied elsewhere before it runs.
# options: abi=kernel
# left alone: alternative
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	.bundle_align_mode 4; call	__SCT__event; .Lasmrewrite_static_0: .bundle_align_mode 0
	ret
	.cfi_endproc
	.size	f, .-f
	.section	.altinstr_replacement,"ax"
	call	__SCT__event
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.static_call_sites, "aw", @progbits
	.balign	4
	.long	.Lasmrewrite_static_0-5-., __SCT__event+0-.
	.popsection
