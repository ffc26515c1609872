	.section	.note.GNU-stack,"",@progbits
.struct 8
.previous
 call *%rax
