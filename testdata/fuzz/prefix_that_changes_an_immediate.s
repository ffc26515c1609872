	.intel_syntax noprefix
	jne	.L1
	rex.W
	mov	eax, 5
	jmp	__SCT__event
.L1:
	rex.W mov	eax, 5
	jmp	__SCT__event
