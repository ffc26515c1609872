	jne	__SCT__other
	.mri 1
