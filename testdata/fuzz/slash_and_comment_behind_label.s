	call	*%rbx
1: // call *%rax/* a
	call	*%rax
 b */
