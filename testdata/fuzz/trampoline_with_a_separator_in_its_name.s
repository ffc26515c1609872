	call "__SCT__eve; nt" # c
