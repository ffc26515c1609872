	.type	f, @function
f:
	.cfi_startproc
l:
.cfi_offset 3, -16
	.cfi_endproc
	.cfi_startproc
	.cfi_endproc
	.ident	"GCC: (GNU) 12.2.0"
