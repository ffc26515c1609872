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
	je	__SCT__event
	jmp	__SCT__event
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
