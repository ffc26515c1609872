	.type	f.cold, @function
f.cold:
	movq	__SKEY__k@GOTPCREL(%rip), %r8
	movzbl	(%r8), %r8d
	testb	%r8b, %r8b
	je	.L1
.L1:
	call	g
	.ident	"GCC: (GNU) 12.2.0"
