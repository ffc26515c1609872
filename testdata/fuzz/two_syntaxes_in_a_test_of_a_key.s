	.type	f, @function
f:
	cmpb	$0, __SKEY__k(%rip)
	.intel_syntax noprefix
	jne	.L1
	.att_syntax prefix
	incl	%eax
.L1:
	ret
	.size	f, .-f
	.type	g, @function
g:
	cmpb	$0, __SKEY__k(%rip)
	jne	.L2
	.intel_syntax noprefix
	movzx	ecx, BYTE PTR __SKEY__k[rip]
	test	cl, cl
	je	.L2
	mov	eax, ecx
	inc	eax
	.att_syntax prefix
.L2:
	ret
	.size	g, .-g
	.ident	"GCC: (GNU) 12.2.0"
