	je,pn __SCT__event
	jmp,pt __SCT__event
