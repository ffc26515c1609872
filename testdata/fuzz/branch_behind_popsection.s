.popsection	call *.(%rip)
