# A jump through a table stays in its function; flags and %r11 may be live at its targets.
# options: passes=relpoline targets=1
# left alone: jump-table
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	cmpl	$3, %edi
	ja	.L2
	movl	%edi, %edi
	jmp	*.L4(,%rdi,8)
	.section	.rodata
	.align 8
.L4:
	.quad	.L2
	.quad	.L3
	.quad	.L3
	.quad	.L2
	.text
.L2:
	ret
.L3:
	call	*%rdx
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
