# Inline assembly is left alone: it says itself what it clobbers.
# options: passes=relpoline targets=1
# left alone: inline-asm
	.text
	.type	f, @function
f:
	.cfi_startproc
#APP
# 3 "x.c" 1
	call *%rax
# 0 "" 2
#NO_APP
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
