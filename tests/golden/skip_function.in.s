# ASMREWRITE_SKIP_FUNCTION of asmrewrite/optout.h.
# left alone: function-opted-out 2
	.text
	.type	f, @function
f:
#APP
# 3 "x.c" 1
	# asmrewrite: skip-function
# 0 "" 2
#NO_APP
	call	*%rax
	call	__SCT__event
	ret
	.size	f, .-f
	.globl	g
	.type	g, @function
g:
	.cfi_startproc
	call	__SCT__event
	ret
	.cfi_endproc
	.size	g, .-g
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
