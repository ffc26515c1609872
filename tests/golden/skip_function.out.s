# ASMREWRITE_SKIP_FUNCTION of asmrewrite/optout.h.
# left alone: function-opted-out 2
	.text
	.type	f, @function
f:
#APP
# 3 "x.c" 1
	# asmrewrite: skip-function
# 0 "" 2
#NO_APP
	call	*%rax
	call	__SCT__event
	ret
	.size	f, .-f
	.globl	g
	.type	g, @function
g:
	.cfi_startproc
	.bundle_align_mode 3; call	__SCT__event; .Lasmrewrite_static_0: .bundle_align_mode 0
	ret
	.cfi_endproc
	.size	g, .-g
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
