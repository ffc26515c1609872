	notrack call *(%rax)
	notrack
	call *1f(%rip)
1:
