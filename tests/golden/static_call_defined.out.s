# A jump to a trampoline of this file would be two bytes long; {disp32} keeps it five.
# options: passes=static-call
	.section	.static_call.text, "ax"
	.globl	__SCT__event
	.type	__SCT__event, @function
__SCT__event:
	.cfi_startproc
	jmp	handler
	.cfi_endproc
	.size	__SCT__event, .-__SCT__event
	.section	.static_call.text, "ax"
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	testl	%eax, %eax
	.bundle_align_mode 3; {disp32} je	__SCT__event; .Lasmrewrite_static_0: .bundle_align_mode 0
	.bundle_align_mode 3; {disp32} jmp	__SCT__event; .Lasmrewrite_static_1: .bundle_align_mode 0
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	asmrewrite_sites, "ao", @progbits, .Lasmrewrite_static_0
	.balign	4
	.long	.Lasmrewrite_static_0-6-.
	.long	__SCT__event@GOTPCREL
	.long	0
	.byte	2, 2, 255, 0, 3, 8
	.value	1
	.long	0
	.long	.Lasmrewrite_static_1-5-.
	.long	__SCT__event@GOTPCREL
	.long	0
	.byte	2, 1, 255, 0, 3, 8
	.value	1
	.long	0
	.popsection
