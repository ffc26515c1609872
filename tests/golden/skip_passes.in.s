# ASMREWRITE_SKIP_FILE_PASSES("relpoline"): the static calls are still made sites.
# left alone: file-opted-out
#APP
	# asmrewrite: skip-file relpoline
#NO_APP
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	call	*%rax
	call	__SCT__event
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
