	.section	__SKEY__k, "a", @progbits
	.text
	.type	f, @function
f:
	movzbl	__SKEY__k(%rip), %esi
	testb	%sil, %sil
	je	.L1
.L1:
	ret
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
