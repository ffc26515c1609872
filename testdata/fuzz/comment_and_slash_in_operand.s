call *8 /* a *// /* b */ (%rax)
call *%rax /* c *//* d */
