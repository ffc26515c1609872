call *%rax # unique
.ascii