# abi=kernel: the four tables, in inline assembly, joined lines, macros and conditions too; templates have no entry.
# options: abi=kernel tables=static-call,retpoline,return,mcount
# left alone: alternative
	.text
	.globl	f
	.type	f, @function
f:
1:	call	__fentry__
	call	__SCT__event
	cs
	call	__x86_indirect_thunk_r8
	jmp	__x86_return_thunk
#APP
g: push %rcx; call callee; pop %rcx; jmp __x86_return_thunk; .size g, .-g
	.pushsection .altinstr_replacement, "ax"
	jmp __x86_return_thunk
	call __SCT__event
	.popsection
	.quad __x86_return_thunk
#NO_APP
	jne	__x86_return_thunk
	.size	f, .-f
	.section .init.text,"ax",@progbits
	call	__x86_indirect_thunk_rax
	.macro leave reg
	jmp __x86_indirect_thunk_\reg
	.endm
	leave rdx
	leave rcx
	.if 1
	jmp __x86_return_thunk
	.endif
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
