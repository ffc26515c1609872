	.section .text.f34,axG",@progbits,g,comdat x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x
	call *%rax
