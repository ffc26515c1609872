	.cfi_startproc
	.cfi_endproc
	.section	.text.f11,"axG",@progbits,f11,comdat
	call	g
	.type	f11, @function
f11:
	.cfi_startproc
	.section	__patchable_function_entries,"awo",@progbits,f11
	.align 8
	.quad	.LPFE11
	.section	.text.f11,"axG",@progbits,f11,comdat
.LPFE11:
	nop
	nop
	nop
	nop
	nop
	nop
	nop
	movq	__SKEY__other@GOTPCREL(%rip), %r12
	.p2align 4,,10
	nop
	jmp	g
	.cfi_endproc
	.ident	"GCC: (GNU) 12.2.0"

