	.type	f, @function
f:
	cmpb	$0, __SKEY__k(%rip)
	je	.L1
	.pushsection .data
	.if 0
	.popsection
	cmpb	$0, __SKEY__k(%rip)
	je	.L1
	.pushsection .data
	.endif
	.popsection
	incl	%eax
.L1:
	xorl	%esi, %esi
	ret
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
