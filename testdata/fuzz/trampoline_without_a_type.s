__SCT__event:
	jmp	handler
	.section .static_call.text,"ax"
	.type	f, @function
f:
	je	__SCT__event
	jmp	__SCT__event
