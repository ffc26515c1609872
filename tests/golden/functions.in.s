# functions= and skip-functions= choose by whole names.
# options: passes=relpoline targets=1 functions=hot_.* skip-functions=.*_b
# left alone: function-excluded 2
	.text
	.globl	hot_a
	.type	hot_a, @function
hot_a:
	.cfi_startproc
	call	*%rax
	ret
	.cfi_endproc
	.size	hot_a, .-hot_a
	.globl	hot_b
	.type	hot_b, @function
hot_b:
	.cfi_startproc
	call	*%rax
	ret
	.cfi_endproc
	.size	hot_b, .-hot_b
	.globl	rest
	.type	rest, @function
rest:
	.cfi_startproc
	call	*%rax
	ret
	.cfi_endproc
	.size	rest, .-rest
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
