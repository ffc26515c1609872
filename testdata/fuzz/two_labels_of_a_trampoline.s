__SCT__event:
	.type	f, @function
f:
	je	__SCT__event
	jmp	handler
	.section .static_call.text,"ax"
	jmp	__SCT__event
	.ident	"GCC: (GNU) 12.2.0"
