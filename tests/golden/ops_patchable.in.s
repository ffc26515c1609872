# -fpatchable-function-entry=6: five of the nops are the site, and the table goes on naming its first byte. Nops before
# the function, or fewer, are not ours to take.
# options: passes=call-ops
# left alone: patchable-entry
	.text
	.globl	f
	.type	f, @function
f:
.LFB0:
	.cfi_startproc
	.section	__patchable_function_entries,"awo",@progbits,f
	.align 8
	.quad	.LPFE1
	.text
.LPFE1:
	nop
	nop
	nop
	nop
	nop
	nop
	ret
	.cfi_endproc
	.size	f, .-f
	.section	__patchable_function_entries,"awo",@progbits,f
	.align 8
	.quad	.LPFE2
	.text
.LPFE2:
	nop
	nop
	.type	g, @function
g:
	.cfi_startproc
	nop
	nop
	nop
	nop
	nop
	ret
	.cfi_endproc
	.size	g, .-g
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
