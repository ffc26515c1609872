	.pushsection m,"",@
	.ifndef n
	.popsection
	.endif
	.section	s
	call	__fentry__
