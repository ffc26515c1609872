.section f,"axG",1
	call	*%rax
