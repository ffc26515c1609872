	.type	f, @function
f:
	.cfi_startproc
	.cfi_signal_frame/* a
 b */	incl	%eax
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
