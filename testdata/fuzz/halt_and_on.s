	.type	f, @function
f:
	movzbl	__SKEY__k(%rip), %esi
	testb	%sil, %sil
	jne	.L1
.L1:
	hlt
	call	g
	.size	f, .-f
	.type	h, @function
h:
	hlt
	.size	h, .-h
	.type	i, @function
i:
	ret
	.size	i, .-i
	.ident	"GCC: (GNU) 12.2.0"
