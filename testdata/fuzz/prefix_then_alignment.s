	jmp *__SCT__event@GOTPCREL(%rip)
	data16
.L13:	.balign 8
	movl $1, %eax
