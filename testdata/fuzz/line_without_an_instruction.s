	call *-8(%rsp,%rcx,2);	.text
	.file 1 "a.c"
.loc 1 5
