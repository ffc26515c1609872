# Static calls of inline assembly are sites too, also between other statements of a line.
# options: passes=static-call
	.text
	.type	f, @function
f:
#APP
# 3 "x.c" 1
	pushf; call __SCT__event; popf
# 0 "" 2
#NO_APP
	ret
	.size	f, .-f
	.ident	"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"
