	.type	f, @function
f:
	movzbl	__SKEY__k(%rip), %esi
	testb	%sil, %sil
	je	.L1
.L1:
	cmpb	$0, __SKEY__l(%rip)
	je	.L2
	ret
	.size	f, .-f
	.bss
	movzbl	__MARK__m(%rip), %ebx
.L2:
	.ident	"GCC: (GNU) 12.2.0"
