	call	*8(%rbx)
.bundle_align_mode 5
