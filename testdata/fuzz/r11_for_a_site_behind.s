# The second call needs %r11, and when it is a site no line says so.
f:
	call	*8(%rbx)
	x = 7
	call	*%r11
