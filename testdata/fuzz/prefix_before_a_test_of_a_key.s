	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	data16 /* c */
	cmpb	$0, __SKEY__k(%rip)
	jne	.L1
	incl	%eax
.L1:
	ret
	.cfi_endproc
	.size	f, .-f
	.text
	.globl	g
	.type	g, @function
g:
	.cfi_startproc
	cs
	cmpb	$0, __SKEY__k(%rip)
	jne	.L2
	incl	%eax
.L2:
	ret
	.cfi_endproc
	.size	g, .-g
	.ident	"GCC: (GNU) 12.2.0"
