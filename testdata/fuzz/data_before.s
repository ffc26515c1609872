.byte 0x3e
.L13:	call *"foo"(%rip)
	.byte 0xf3
	jne __SCT__event
