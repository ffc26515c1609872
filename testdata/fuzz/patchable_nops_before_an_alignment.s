	.type	f, @function
f:
	.cfi_startproc
	.section	__patchable_function_entries,"awo",@progbits,f
	.align 8
	.quad	.LPFE1
	.text
.LPFE1:
	nop
	nop
	nop
	nop
	nop
	.p2align 4,,10
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
