# gas leaves the blanks behind a comment in a word out, too.
	call	*%rbx
	ca/* */ /* */ ll *%rax
