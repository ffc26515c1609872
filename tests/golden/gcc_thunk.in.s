# gcc -mindirect-branch=thunk-extern: its thunk is the slow path; `cs` pads r8 to r15 to six bytes.
# options: passes=relpoline targets=1
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	pushq	%rbx
	.cfi_def_cfa_offset 16
	call	__x86_indirect_thunk_rax
	cs
	call	__x86_indirect_thunk_r8
	popq	%rbx
	.cfi_def_cfa_offset 8
	jmp	__x86_indirect_thunk_rdx
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
