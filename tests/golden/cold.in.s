# The cold part of a function has stubs of its own, in its own section.
# options: passes=relpoline targets=1
	.text
	.type	f, @function
f:
	.cfi_startproc
	testl	%edi, %edi
	je	.L2
	ret
	.cfi_endproc
	.section	.text.unlikely,"ax",@progbits
	.cfi_startproc
	.type	f.cold, @function
f.cold:
.L2:
	call	*%rbx
	ret
	.cfi_endproc
	.text
	.size	f, .-f
	.section	.text.unlikely
	.size	f.cold, .-f.cold
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
