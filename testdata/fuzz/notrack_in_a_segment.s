	notrack
	call *%gs:foo(%rip)
