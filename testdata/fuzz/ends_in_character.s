call *%rax
call call'