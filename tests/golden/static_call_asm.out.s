# Static calls of inline assembly are sites too, also between other statements of a line.
# options: passes=static-call
	.text
	.type	f, @function
f:
#APP
# 3 "x.c" 1
	pushf; .bundle_align_mode 3; call	__SCT__event; .Lasmrewrite_static_0: .bundle_align_mode 0; popf
# 0 "" 2
#NO_APP
	ret
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
