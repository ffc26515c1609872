"""Random functions as compilers print them, with tests of keys and markers, and with the entries that call-ops knows.

The marker pass wants a compiler's listing and a function that it understands to its end; so these are tidier than
what `grammar` makes, and the mutator disturbs them.
"""

from __future__ import annotations

from random import Random

KEYS = ("__SKEY__k", "__SKEY__other", "__MARK__m")
#: 64, 32 and 8 bits of a register.
REGISTERS = (
    ("rax", "eax", "al"), ("rcx", "ecx", "cl"), ("rdx", "edx", "dl"), ("rbx", "ebx", "bl"), ("rsi", "esi", "sil"),
    ("r8", "r8d", "r8b"), ("r11", "r11d", "r11b"), ("r12", "r12d", "r12b"), ("rbp", "ebp", "bpl"),
)  # fmt: skip
#: Tests, less their branch: {k} is a key, {q} {d} {b} a register, {e} another's 8 bits.
TESTS = (
    "cmpb\t$0, {k}(%rip)", "cmpb\t$0, {k}(%rip)", '#APP\n# 3 "a.c" 1\n\tcmpb\t$0, {k}(%rip)',
    "movzbl\t{k}(%rip), %{d}\n\ttestb\t%{b}, %{b}", "movb\t{k}(%rip), %{b}\n\ttestb\t%{b}, %{b}",
    "movzbl\t{k}(%rip), %{d}\n\ttestl\t%{d}, %{d}", "movzbl\t{k}(%rip), %{d}\n\tcmpl\t$0, %{d}",
    "movzbl\t{k}(%rip), %{d}\n\ttestb\t%{b}, %{b}\n\tsetne\t%{b}\n\ttestb\t%{b}, %{b}",
    "movzbl\t{k}(%rip), %{d}\n\ttestb\t%{b}, %{b}\n\tsete\t%{b}\n\tmovzbl\t%{b}, %{d}\n\ttestl\t%{d}, %{d}",
    "movb\t{k}(%rip), %{b}\n\tmovzbl\t%{b}, %{d}\n\tcmpl\t$0, %{d}",
    "movb\t{k}(%rip), %{b}\n\tcmpb\t$0, %{b}\n\tsetne\t%{b}\n\tandb\t$1, %{b}\n\tmovzbl\t%{b}, %{d}\n\tcmpl\t$0, %{d}",
    "cmpb\t$0, {k}(%rip)\n\tsetne\t%{b}\n\txorb\t$1, %{b}\n\ttestb\t$1, %{b}",
    "cmpb\t$0, {k}(%rip)\n\tsetne\t%{b}\n\tmovzbl\t%{b}, %{d}\n\tmovl\t%{d}, %{e}\n\ttestl\t%{e}, %{e}",
    "leaq\t{k}(%rip), %{q}\n\tcmpb\t$0, (%{q})", "movq\t{k}@GOTPCREL(%rip), %{q}\n\tcmpb\t$0, (%{q})",
    'movq\t{k}@GOTPCREL(%rip), %{q}\n#APP\n# 3 "a.c" 1\n\tcmpb\t$0, (%{q})',
    "movq\t{k}@GOTPCREL(%rip), %{q}\n\tmovzbl\t(%{q}), %{d}\n\ttestb\t%{b}, %{b}",
    "movl\t${k}, %{d}\n\tcmpb\t$0, (%{q})", "cmpb\t$0, 0(%rbp)", "cmpb\t$0, (%rbx)", "cmpb\t$0, (%r12)",
    # None of these is one.
    "cmpb\t$1, {k}(%rip)", "cmpb\t$0, {k}+1(%rip)", "cmpw\t$0, {k}(%rip)", "cmpb\t$0, {k}+4(%rip)",
    "testb\t$1, {k}(%rip)", "movzbl\t{k}+8(%rip), %{d}\n\ttestb\t%{b}, %{b}", "cmpb\t$0, %fs:{k}(%rip)",
    "movzbl\t{k}(%rip), %{d}\n\ttestb\t%{b}, %{b}\n\tmovb\t%{b}, (%rdi)", "cmpb\t%{b}, {k}(%rip)",
)  # fmt: skip
TESTS_INTEL = (
    "cmp\tBYTE PTR {k}[rip], 0", "cmp\tbyte ptr {k}[rip], 0", "cmp\tbyte ptr [rip + {k}], 0",
    '#APP\n# 3 "a.c" 1\n\tcmp\tBYTE PTR {k}[rip], 0', "movzx\t{d}, BYTE PTR {k}[rip]\n\ttest\t{b}, {b}",
    "mov\t{b}, byte ptr [rip + {k}]\n\ttest\t{b}, {b}", "movzx\t{d}, BYTE PTR {k}[rip]\n\ttest\t{d}, {d}",
    "movzx\t{d}, BYTE PTR {k}[rip]\n\ttest\t{b}, {b}\n\tsetne\t{b}\n\ttest\t{b}, {b}",
    "lea\t{q}, {k}[rip]\n\tcmp\tBYTE PTR [{q}], 0", "mov\t{q}, QWORD PTR {k}@GOTPCREL[rip]\n\tcmp\tBYTE PTR [{q}], 0",
    "mov\t{d}, OFFSET FLAT:{k}\n\tcmp\tBYTE PTR [{q}], 0", "cmp\tWORD PTR {k}[rip], 0", "cmp\tBYTE PTR {k}[rip+1], 0",
)  # fmt: skip
JUMPS = ("jne",) * 4 + ("je",) * 4 + ("jnz", "jz", "ja", "setne\t%al; je", "JNE", "jne,pn", "cs jne", "{disp32} jne")
#: What may stand between a load and its branch; the first half does no harm.
BETWEEN = (
    "movl\t$5, %ecx", "movl\t%edi, %ebx", ".loc 1 5 3", "# a comment", "movq\t%rdi, 8(%rsp)", "leaq\t8(%rsp), %rsi",
    "", "pxor\t%xmm0, %xmm0", "movb\t$1, (%rdi)", "addl\t$1, %eax", "movl\t$1, v(%rip)", ".L{n}9:", "call\tg",
    "pushq\t%rbx\n\t.cfi_adjust_cfa_offset 8", "stosb", "movb\t$1, {k}(%rip)",
    "leaq\t{k}(%rip), %rbx", "movq\t%rdi, %rbx", "popq\t%rbx", "#NO_APP", "#APP", "xchgb\t(%rdi), %al", "movl $3, %eax",
)  # fmt: skip
PLAIN = (
    "movl\t$5, %eax", "xorl\t%eax, %eax", "movl\t%edi, %eax", "movl\t%eax, %edi", "addq\t$8, %rax", "call\tg",
    "call\tg@PLT", "movq\t%rax, v(%rip)", "incl\t%ebx", "testl\t%edi, %edi", "call\t*%rax", "call\t*8(%rbx)",
    "call\t__SCT__event", "nop", "movl\t(%rdi), %ecx", "sete\t%cl", "adcl\t$0, %eax", "leaq\tv(%rip), %rdi",
    "call\t*g@GOTPCREL(%rip)", "movl\t%ecx, (%rdi)", "rep stosq", "pushq\t%rbx", "popq\t%rbx", "movzbl\t%al, %eax",
    "leaq\t{k}(%rip), %rbx", "leaq\t{k}(%rip), %rbp", "movq\t{k}@GOTPCREL(%rip), %r12", "incl\t{k}+4(%rip)",
    "movb\t{k}(%rip), %al", "cmpb\t$0, {k}(%rip)", "leaq\t.L{n}0(%rip), %rdx", "movq\t%rsp, %rbp",
    "subq\t$8, %rsp\n\t.cfi_adjust_cfa_offset 8", "addq\t$8, %rsp\n\t.cfi_adjust_cfa_offset -8",
    ".cfi_remember_state\n\tpushq\t%rbx\n\t.cfi_adjust_cfa_offset 8\n\tret\n\t.cfi_restore_state",
    ".p2align 4,,10\n\t.p2align 3", '#APP\n# 7 "a.c" 1\n\tnop\n# 0 "" 2\n#NO_APP',
    "call\t__x86_indirect_thunk_rax", "lock incl\tv(%rip)", "vzeroupper", "movl\t%fs:40, %eax", "cpuid",
)  # fmt: skip
PLAIN_INTEL = (
    "mov\teax, 5", "xor\teax, eax", "mov\teax, edi", "call\tg", "call\trax", "call\t[QWORD PTR 8[rbx]]", "inc\tebx",
    "call\t__SCT__event", "nop", "mov\tecx, DWORD PTR [rdi]", "sete\tcl", "lea\trbx, {k}[rip]", "test\tedi, edi",
    "mov\tal, BYTE PTR {k}[rip]",
)  # fmt: skip
#: How a function ends.
ENDS = (
    "ret",
    "ret",
    "ret",
    "jmp\tg",
    "jmp\t*%rax",
    "jmp\tg@PLT",
    "ud2",
    "jmp\t.L{n}1",
    "call\tg",
    "jmp\t__SCT__event",
    "jmp\t*8(%rbx)",
)
ENDS_INTEL = ("ret", "ret", "jmp\tg", "jmp\trax", "jmp\t__SCT__event", "jmp\t.L{n}1")
_TABLE = '\t.section\t__patchable_function_entries,"awo",@progbits,{f}\n\t.align 8\n\t.quad\t.LPFE{n}\n'
#: What stands before the first instruction: {f} is the function, {s} its section's directive.
ENTRIES = (
    "", "", "", "\tpush\trbx\n", "\tendbr64\n\t.loc 1 5 3\n\tpush\t%r12\n", "\tpush\t%rbp\n", "\tendbr64\n",
    "\tendbr64\n", "\t.loc 1 5 3\n", ".LVL{n}:\n\t.loc 1 5 3 view .LVU1\n", "\tnop\n", "\tpushq\t%rbx\n",
    "\tpushq\t%r15 # 4 [c=4 l=2]\n", "1:\tpushq\t%rbp\n", "\tpushq\t%rsp\n", "\tpushq\t%rdi; popq %rdi\n",
    ".LVL{n}:\n\tpushq\t%rbp\n\tmovq\t%rsp, %rbp\n",
    "1:\tcall\t__fentry__\n", "1:\tcall\t*__fentry__@GOTPCREL(%rip)\n", "\tendbr64\n1:\tcall\t__fentry__\n",
    "\tcall\t__fentry__@PLT\n",
    '1:\tcall\t__fentry__\n\t.section __mcount_loc, "a",@progbits\n\t.quad 1b\n\t.previous\n',
    '#APP\n# 2 "a.c" 1\n\tnop\n# 0 "" 2\n#NO_APP\n', "1:\t.byte\t0x0f, 0x1f, 0x44, 0x00, 0x00\n",
    "# asmrewrite: skip-function\n",
    _TABLE + "{s}.LPFE{n}:\n" + "\tnop\n" * 5, _TABLE + "{s}.LPFE{n}:\n" + "\tnop\n" * 7,
    "\tendbr64\n" + _TABLE + "{s}.LPFE{n}:\n" + "\tnop\n" * 5, _TABLE + "{s}.LPFE{n}:\n" + "\tnop\n" * 3,
    "\tpushq\t%rbp\n\tmovq\t%rsp, %rbp\n1:\tcall\t*mcount@GOTPCREL(%rip)\n", ".LE{n}:\n", "\t.p2align 4,,10\n",
    "0:\n", "e{n}:\n", "\tendbr64\n.LE{n}:\n", "\tlock\n",
)  # fmt: skip
#: What stands before the label.
BEFORE = (
    "", "", "\t.p2align 4\n", "\t.p2align 4,,15\n", "\t.p2align 5\n", "\t.p2align 2\n", "\tnop\n", "\t.skip 3, 0x90\n",
    _TABLE + "{s}.LPFE{n}:\n\tnop\n\tnop\n", "alias{n}:\n", "\t.p2align 4; ", "\t.weak\t{f}\n", "\t.balign 64\n",
    "\tcall\tg\n", "\t.type\t{f}, @gnu_indirect_function\n", "\t.set\talias{n}, {f}\n",
)  # fmt: skip
SECTIONS = (
    "\t.text\n", "\t.text\n", "\t.text\n", '\t.section\t.text.{f},"ax",@progbits\n',
    '\t.section\t.text.unlikely,"ax",@progbits\n',
    '\t.section\t.text.{f},"axG",@progbits,{f},comdat\n', '\t.section\t.text.hot,"ax",@progbits\n',
)  # fmt: skip
#: What a marker puts at its place.
HIT = (
    '#APP\n# 3 "a.c" 1\n\t.pushsection .bss.{k}, "awG", @nobits, {k}, comdat\n\t.ifndef {k}\n\t.weak {k}\n'
    "\t.hidden {k}\n"
    "\t.type {k}, @object\n\t.size {k}, 16\n\t.balign 8\n{k}:\t.zero 16\n\t.endif\n\t.popsection\n"
    '\t.pushsection asmrewrite_markers, "aw", @progbits\n\t.balign 8\n771:\t.quad {k}, 0, 0, 0, 3, 0\n\t.popsection\n'
    '# 0 "" 2\n# 3 "a.c" 1\n\tleaq\t771b(%rip), %rdi\n# 0 "" 2\n#NO_APP\n\tcall\tasmrewrite_marker_hit\n'
)  # fmt: skip
#: Definitions of keys, for the end of a listing.
DEFINED = (
    "", "", "", "\t.comm\t__SKEY__k,8,4\n", "\t.globl\t__SKEY__k\n\t.bss\n\t.align 8\n\t.type\t__SKEY__k, @object\n"
    "\t.size\t__SKEY__k, 8\n__SKEY__k:\n\t.zero\t8\n\t.text\n", "\t.local\t__SKEY__other\n\t.comm\t__SKEY__other,8,8\n",
    "\t.hidden\t__SKEY__k\n", "\t.data\n__SKEY__other:\n\t.byte 1\n\t.zero 3\n\t.long 1\n\t.text\n",
    "\t.set __SKEY__k, v\n",
)  # fmt: skip
#: Statements for who mutates a listing: they name a register and a key, and jump to a label of `grammar`'s.
STATEMENTS = (
    *(f"{test.format(k=KEYS[0], q='rax', d='eax', b='al', e='ecx')}\n\t{jump}\t{label}\n#NO_APP"
      for test, jump, label in zip(TESTS, ("jne", "je") * 15, (".L21", "1f", "g") * 10, strict=True)),
    *(text.replace("{k}", KEYS[0]).replace("{n}", "2") for text in (*BETWEEN, *PLAIN)),
    *(text.replace("{f}", "foo").replace("{s}", "\t.text\n") for text in (*ENTRIES, *BEFORE)), *DEFINED[3:],
)  # fmt: skip


class _Body:
    """A function's body in the making: `number` tells its labels from others', `open` are those not yet placed."""

    def __init__(self, random: Random, number: int, intel: bool, framed: bool) -> None:
        self.random, self.number, self.intel, self.framed = random, number, intel, framed
        self.open: list[str] = []
        self.placed: list[str] = []

    def filled(self, text: str) -> str:
        """`text` with a key and this function's number."""
        return text.replace("{k}", self.random.choice(KEYS)).replace("{n}", str(self.number))

    def other(self, texts: tuple[str, ...]) -> str:
        """One of `texts` that may stand here."""
        text = self.random.choice(texts)
        while ".cfi_" in text and not self.framed:
            text = self.random.choice(texts)
        return self.filled(text)

    def test(self) -> list[str]:
        """A test of a key, with its branch and sometimes something between them."""
        random = self.random
        (q, d, b), (_, e, _) = random.choice(REGISTERS), random.choice(REGISTERS)
        tests = TESTS_INTEL if self.intel else TESTS
        # The first ones are what <asmrewrite/static_key.h> makes.
        test = random.choice(tests[:4] if random.randrange(2) else tests)
        lines = test.format(k=random.choice(KEYS), q=q, d=d, b=b, e=e).split("\n\t")
        label = self.label()
        lines.append(f"{random.choice(JUMPS[:8] if random.randrange(8) else JUMPS)}\t{label}")
        if random.randrange(4) == 0 and not self.intel:
            lines.insert(random.randrange(1, len(lines)), self.other(BETWEEN))
        return [*lines, '# 0 "" 2\n#NO_APP'] if "#APP" in test else lines

    def label(self) -> str:
        """Where a branch leads: mostly a label that is placed later, now and then one behind or another function."""
        random = self.random
        if self.placed and random.randrange(4) == 0:
            return random.choice(self.placed)
        if random.randrange(12) == 0:
            return random.choice(("g", "g@PLT", "g", "v"))
        label = f".L{self.number}{len(self.open) + len(self.placed)}"
        self.open.append(label)
        return label

    def text(self) -> str:
        """The whole of it."""
        random = self.random
        lines: list[str] = []
        for _ in range(random.randrange(2, 12)):
            kind = random.randrange(7)
            if kind < 2:
                lines += self.test()
            elif kind == 2 and self.open:
                lines.append(self._place())
            elif kind == 3 and random.randrange(3) == 0 and not self.intel:
                lines.append(HIT.replace("{k}", "__MARK__m"))
            else:
                lines.append(self.other(PLAIN_INTEL if self.intel else PLAIN))
        ends = ENDS_INTEL if self.intel else ENDS
        lines.append(self.filled(random.choice(ends)))
        while self.open:
            lines += [self._place(), self.filled(random.choice(PLAIN[:9] if not self.intel else PLAIN_INTEL[:4]))]
            lines.append(self.filled(random.choice(ends)))
        return "".join(line + "\n" if line.startswith("#") or line.endswith(":") else f"\t{line}\n" for line in lines)

    def _place(self) -> str:
        label = self.open.pop(self.random.randrange(len(self.open)))
        self.placed.append(label)
        return f"{label}:"


def function(random: Random, number: int, intel: bool) -> str:
    """A function as a compiler prints one."""
    name = random.choice((*(f"f{number}",) * 12, f"f{number}.part.0", f"g{number}.cold", f"__SCT__f{number}"))
    section = random.choice(SECTIONS).replace("{f}", name)
    entry, before = (
        text.replace("{f}", name).replace("{n}", str(number)).replace("{s}", section)
        for text in (random.choice(ENTRIES) if not intel else random.choice(ENTRIES[:11]), random.choice(BEFORE))
    )
    framed = random.randrange(5) > 0
    frame = ("\t.cfi_startproc\n", "\t.cfi_endproc\n") if framed else ("", "")
    label = f"{name}:\n.LFB{number}:\n" if random.randrange(2) else f"{name}:\n"
    return (
        f"{section}{before}\t.globl\t{name}\n\t.type\t{name}, @function\n{label}{frame[0]}{entry}"
        f"{_Body(random, number, intel, framed).text()}{frame[1]}\t.size\t{name}, .-{name}\n"
    )


def listing(random: Random) -> str:
    """A listing of one to three such functions, which nearly always bears the compiler's mark."""
    intel = random.randrange(6) == 0
    pieces = ['\t.file\t"a.c"\n', "\t.intel_syntax noprefix\n" if intel else ""]
    pieces += [function(random, number, intel) for number in range(10, random.choice((11, 12, 12, 13)))]
    if any(".loc" in piece for piece in pieces):
        pieces.insert(0, '\t.file 1 "a.c"\n')
    pieces += [random.choice(DEFINED), '\t.ident\t"GCC: (GNU) 12.2.0"\n' if random.randrange(12) else ""]
    return "".join([*pieces, '\t.section\t.note.GNU-stack,"",@progbits\n' if random.randrange(2) else ""])
