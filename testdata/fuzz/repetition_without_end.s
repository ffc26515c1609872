	call __SCT__other@PLT
.rept
