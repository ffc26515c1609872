.rept 
"x": .endr
call %rax
.endr
