# abi=kernel: objtool's table, with its key where the file names it, and 64-byte blocks.
# options: abi=kernel
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	.bundle_align_mode 4; call	__SCT__event; .Lasmrewrite_static_0: .bundle_align_mode 0
	movq	__SCK__event(%rip), %rax
	.bundle_align_mode 4; jmp	__SCT__other; .Lasmrewrite_static_1: .bundle_align_mode 0
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.static_call_sites, "aw", @progbits
	.balign	4
	.long	.Lasmrewrite_static_0-5-., __SCK__event+0-.
	.long	.Lasmrewrite_static_1-5-., __SCT__other+1-.
	.popsection
