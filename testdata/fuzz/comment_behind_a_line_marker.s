	call	*%rax
# 1 "a.c"/* 2
	nop
