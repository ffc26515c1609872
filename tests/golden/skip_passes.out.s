# ASMREWRITE_SKIP_FILE_PASSES("relpoline"): the static calls are still made sites.
# left alone: file-opted-out
#APP
	# asmrewrite: skip-file relpoline
#NO_APP
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	*%rax
	.bundle_align_mode 3; call	__SCT__event; .Lasmrewrite_static_0: .bundle_align_mode 0
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_static_0
	.balign	4
	.long	.Lasmrewrite_static_0-5-.
	.long	__SCT__event@GOTPCREL
	.long	0
	.byte	2, 0, 255, 0, 3, 8
	.value	1
	.long	0
	.popsection
