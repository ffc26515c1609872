# gcc -fno-plt calls it through the GOT; a static call is direct.
# options: passes=static-call
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	.bundle_align_mode 3; call	__SCT__event@PLT; .Lasmrewrite_static_0: .bundle_align_mode 0
	.bundle_align_mode 3; jmp	__SCT__event@PLT; .Lasmrewrite_static_1: .bundle_align_mode 0
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
	.long	.Lasmrewrite_static_1-5-.
	.long	__SCT__event@GOTPCREL
	.long	0
	.byte	2, 1, 255, 0, 3, 8
	.value	1
	.long	0
	.popsection
