foo=%rax
	call	*%rbx
/* a
 b */	jmp	foo
