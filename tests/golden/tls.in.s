# The call of a thread-local-storage sequence is matched byte for byte by linkers.
# options: passes=relpoline targets=1
# left alone: tls 2
	.text
	.globl	f
	.type	f, @function
f:
	.cfi_startproc
	data16 leaq	x@tlsgd(%rip), %rdi
	.value	0x6666
	rex64
	call	*__tls_get_addr@GOTPCREL(%rip)
	call	*x@tlscall(%rax)
	ret
	.cfi_endproc
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
