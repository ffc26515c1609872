	.intel_syntax noprefix
	call [rax+rbx*4-8]
	call R11
	.ident	"GCC: (GNU) 12.2.0"
