	.type	f, @function
f:
	.cfi_startproc
	.pushsection .bss.__MARK__m, "awG", @nobits, __MARK__m, comdat
__MARK__m:	.zero 16
	.ifndef __MARK__m
	.cfi_restore_state
	.endif
	.popsection
.L1:
	cmpb	$0, __MARK__m(%rip)
	jne	.L1
	jmp	*%rax
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
