# Labels and line entries before a call; the record counts back from behind it.
# options: targets=1
	.text
	.file 1 "x.c"
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
.L5:
	.loc 1 7 2
0:
	call	*%rax
	.loc 1 8 2
1:
	call	__SCT__event
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
