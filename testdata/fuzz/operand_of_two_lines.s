call *"\.intel_@syntax noprefix
	.include"
