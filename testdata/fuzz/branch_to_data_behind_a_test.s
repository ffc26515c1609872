	.type	f, @function
f:
	cmpb	$0, __SKEY__k(%rip)
	je	v
	ret
	.size	f, .-f
	.bss
v:	.zero	16
	.ident	"GCC: (GNU) 12.2.0"
