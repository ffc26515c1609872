# 1 "a
	call *%rax
"
