# A COMDAT function takes its stubs, slots and records into its group.
# options: passes=relpoline targets=1
	.section	.text._ZN1AC2Ev,"axG",@progbits,_ZN1AC5Ev,comdat
	.weak	_ZN1AC1Ev
	.globl	_ZN1AC1Ev
	.type	_ZN1AC1Ev, @function
_ZN1AC1Ev:
	.cfi_startproc
	call	*(%rax)
	ret
	.cfi_endproc
	.size	_ZN1AC1Ev, .-_ZN1AC1Ev
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
