# The trampolines' prefixes are an option.
# options: passes=static-call static-call-prefix=my_tramp_
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	.bundle_align_mode 3; call	my_tramp_event; .Lasmrewrite_static_0: .bundle_align_mode 0
	call	__SCT__event
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_static_0
	.balign	4
	.long	.Lasmrewrite_static_0-5-.
	.long	my_tramp_event@GOTPCREL
	.long	0
	.byte	2, 0, 255, 0, 3, 8
	.value	1
	.long	0
	.popsection
