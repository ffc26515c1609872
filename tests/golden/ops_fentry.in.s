# -pg -mfentry: the call is the site, and the function without one, which has the attribute no_instrument_function, is
# left alone.
# options: passes=call-ops
# left alone: not-instrumented
	.text
	.globl	f
	.type	f, @function
f:
.LFB0:
	.cfi_startproc
1:	call	*__fentry__@GOTPCREL(%rip)
	ret
	.cfi_endproc
	.size	f, .-f
	.type	g, @function
g:
	.cfi_startproc
	endbr64
1:	call	__fentry__
	ret
	.cfi_endproc
	.size	g, .-g
	.type	quiet, @function
quiet:
	.cfi_startproc
	ret
	.cfi_endproc
	.size	quiet, .-quiet
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
