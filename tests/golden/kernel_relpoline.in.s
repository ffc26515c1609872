# abi=kernel: without a profile a site stays the call of its thunk, inside its block; special text is left alone.
# options: abi=kernel passes=relpoline,static-call tables=static-call,retpoline
# left alone: special-text 2
	.text
	.globl	f
	.type	f, @function
f:
	call	__x86_indirect_thunk_rax	# 8	[c=9 l=5]  *call_value
	cs
	call	__x86_indirect_thunk_r13	# 9	[c=9 l=6]  *call
	jmp	__x86_indirect_thunk_rdx	# 10	[c=9 l=5]  *sibcall
	.size	f, .-f
	.section	.noinstr.text,"ax",@progbits
	.type	n, @function
n:
	call	__x86_indirect_thunk_rax	# 8	[c=9 l=5]  *call_value
	.size	n, .-n
	.section	.init.text,"ax",@progbits
	.type	i, @function
i:
	call	__x86_indirect_thunk_rax	# 8	[c=9 l=5]  *call_value
	.size	i, .-i
	.section	.sched.text,"ax",@progbits
	.type	s, @function
s:
	call	__x86_indirect_thunk_rax	# 8	[c=9 l=5]  *call_value
	call	__SCT__event
	.size	s, .-s
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
