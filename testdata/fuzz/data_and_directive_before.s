19: .uleb128 300
21: 	.line 4
	jmp	__SCT__event
