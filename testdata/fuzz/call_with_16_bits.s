# gas makes 16 bits of displacement, and so reads AMD; Intel has 32.
	callw	ax
	callq	*%rax
	callq	*%rbx
