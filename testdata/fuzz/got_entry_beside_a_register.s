# Only relative to %rip is it the trampoline's entry of the GOT.
f:
	call	*__SCT__event@GOTPCREL(%rip)
	jmp	*__SCT__event@GOTPCREL(%r11)
	.ident	"GCC: (GNU) 12.2.0"
