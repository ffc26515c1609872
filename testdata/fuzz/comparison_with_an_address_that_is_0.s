	.type	f, @function
f:
	movb	__SKEY__k(%rip), %sil
	movzbl	%sil, %esi
	cmpl	0, %esi
	je	.L1
	incl	%eax
.L1:
	xorl	%esi, %esi
	ret
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
