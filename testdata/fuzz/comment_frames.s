# 	.cfi_startproc
 call *%rax
