call *f'oo@tlsdesc(%rax)
