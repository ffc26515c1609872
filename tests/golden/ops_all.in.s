# All passes in one run: a function's first instruction is an indirect jump, and another's a static call.
# options: passes=relpoline,static-call,call-ops targets=1
	.section	.text._ZN1AC2Ev,"axG",@progbits,_ZN1AC5Ev,comdat
	.weak	_ZN1AC1Ev
	.type	_ZN1AC1Ev, @function
_ZN1AC1Ev:
	.cfi_startproc
	jmp	*%rax
	.cfi_endproc
	.size	_ZN1AC1Ev, .-_ZN1AC1Ev
	.text
	.type	f, @function
f:
	.cfi_startproc
	jmp	__SCT__event
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
