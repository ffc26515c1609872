# abi=kernel: the four tables, in inline assembly, joined lines, macros and conditions too; templates have no entry.
# options: abi=kernel tables=static-call,retpoline,return,mcount
# left alone: alternative
	.text
	.globl	f
	.type	f, @function
f:
1:	.Lasmrewrite_at_5: call	__fentry__
	.bundle_align_mode 4; call	__SCT__event; .Lasmrewrite_static_0: .bundle_align_mode 0
	.Lasmrewrite_at_0: cs
	call	__x86_indirect_thunk_r8
	.Lasmrewrite_at_2: jmp	__x86_return_thunk
#APP
g: push %rcx; call callee; pop %rcx; .Lasmrewrite_at_3: jmp __x86_return_thunk; .size g, .-g
	.pushsection .altinstr_replacement, "ax"
	jmp __x86_return_thunk
	call __SCT__event
	.popsection
	.quad __x86_return_thunk
#NO_APP
	.Lasmrewrite_at_4: jne	__x86_return_thunk
	.size	f, .-f
	.section .init.text,"ax",@progbits
	.Lasmrewrite_at_1: call	__x86_indirect_thunk_rax
	.macro leave reg
	7360001: jmp __x86_indirect_thunk_\reg; .pushsection .retpoline_sites, "a", @progbits; .balign 4; .long	7360001b-.; .popsection
	.endm
	leave rdx
	leave rcx
	.if 1
	7360001: jmp __x86_return_thunk; .pushsection .return_sites, "a", @progbits; .balign 4; .long	7360001b-.; .popsection
	.endif
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
	.pushsection	.static_call_sites, "aw", @progbits
	.balign	4
	.long	.Lasmrewrite_static_0-5-., __SCT__event+0-.
	.popsection
	.pushsection	.retpoline_sites, "a", @progbits
	.balign	4
	.long	.Lasmrewrite_at_0-.
	.long	.Lasmrewrite_at_1-.
	.popsection
	.pushsection	.return_sites, "a", @progbits
	.balign	4
	.long	.Lasmrewrite_at_2-.
	.long	.Lasmrewrite_at_3-.
	.long	.Lasmrewrite_at_4-.
	.popsection
	.pushsection	__mcount_loc, "a", @progbits
	.balign	8
	.quad	.Lasmrewrite_at_5
	.popsection
