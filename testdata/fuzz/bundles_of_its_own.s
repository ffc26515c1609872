# What stands before a bundle decides how it is padded.
	.intel_syntax noprefix
	jmp	foo
	jmp	__SCT__event
	cmp	QWORD PTR [rdi], 0
	call	r8
	call	[rax]
	push	rbx
	jmp	foo
	.bundle_align_mode 5
	mov	r11, rax
	nop
	mov	rax, QWORD PTR fs:40
	.bundle_align_mode 0
	.ident	"GCC: (GNU) 12.2.0"
