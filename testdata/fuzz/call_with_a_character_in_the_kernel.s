	call	__SCT__event'
#APP
	ret
