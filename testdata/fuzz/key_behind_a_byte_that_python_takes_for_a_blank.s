	.intel_syntax noprefix
	.type	f, @function
f:
.L1:
	cmp	byte ptr [rip + __MARK__m], 0
	je	.L1
	jmp	g
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
