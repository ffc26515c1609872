	.type	f, @function
f:
	cmpb	$0, __SKEY__k(%rip)
	je	.#L1
	ret
	.size	f, .-f
	.ident	"GCC: (GNU) 12.2.0"
