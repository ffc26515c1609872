"""Random listings, whole: a source of randomness in, text out.

Most of what it makes is what gas takes, so that rewriting is tried and not only refusing. `random` is Python's own
generator, or one that a test framework steers, so that it can shrink what failed.
"""

from __future__ import annotations

from random import Random

from conformance.fuzz import keyed

#: Indirect branches in AT&T syntax.
INDIRECT = (
    "call\t*%rax", "jmp\t*%rdx", "call\t*8(%rbx)", "call\t*foo(%rip)", "jmp\t*16(%rdi)", "jmp *foo(,%rax,8)",
    "call *foo@GOTPCREL(%rip)", "jmp *foo@GOTPCREL(%rip)", "call *%fs:16", "call *%fs:(%rax)", "call *(%r11)",
    "jmp *%r15", "callq *%r8", "callq\t*(%rsi)", "call *-8(%rsp,%rcx,2)", "CALL *%RAX", "call (%rax)", "call %rax",
    "jmp %rcx", "notrack jmp\t*%rax", "notrack call *(%rax)", "call *%rsp", "call *%r11", "jmp *foo+8",
    "call * 8 (%rax)",
    "{disp32} call *8(%rax)", "data16 call *%rax", "call *__tls_get_addr@GOTPCREL(%rip)", "call *mcount@GOTPCREL(%rip)",
    "lcall *(%rax)", "callw *%ax", "jmp *.LT(,%rax,8)", "call *.LT(%rip)", "addr32 call *(%eax)", "bnd call *%rax",
    "call *%gs:(%rax)", "call *%gs:foo(%rip)", "call *0x7fffffff(%r13,%r14,8)", "jmp *(%r12)", "call *(%rip)",
    "call *\"foo\"(%rip)", "call *(foo+8)(%rip)", "call *'a(%rax)", "call *8/* x */(%rax)", "call *%rax /* y */",
    "rex.w call *%rax", "jmp *%rsp", "jmp *8(%rsp)", "call *.(%rip)", "call *1f(%rip); 1:",
)  # fmt: skip
INDIRECT_INTEL = (
    "call\trax", "jmp\trdx", "call\t[QWORD PTR 8[rbx]]", "call [rax]", "call QWORD PTR foo[rip]",
    "jmp QWORD PTR [rdi+16]",
    "call [QWORD PTR foo@GOTPCREL[rip]]", "call QWORD PTR fs:16", "call fs:[rax]", "call r8", "jmp r15", "call R11",
    "notrack jmp rax", "call [rax+rbx*4-8]", "jmp [QWORD PTR foo[0+rax*8]]", "call [8]", "call foo[8]", "call r9w",
    "call QWORD PTR [rip+foo]", "call ds:8", "lcall [rax]", "call DWORD PTR [rax]",
)  # fmt: skip
STATIC = (
    "call\t__SCT__event", "jmp\t__SCT__event", "call __SCT__other@PLT", "je __SCT__event", "jne\t__SCT__other",
    "call *__SCT__event@GOTPCREL(%rip)", "jmp *__SCT__event@GOTPCREL(%rip)", "call ____static_call_tramp_x",
    "callq __SCT__event", "lock; call __SCT__event", "{disp32} jmp __SCT__event", "cs call __SCT__event",
    "jc __SCT__other",
    "call __SCT__event+4", 'call "__SCT__event"', "jmp,pt __SCT__event", "je,pn __SCT__event", "CALL __SCT__event",
    "leaq __SCK__event(%rip), %rax", "call __SCT__event # x", "jrcxz __SCT__event", "bnd call __SCT__event",
)  # fmt: skip
THUNKS = (
    "call\t__x86_indirect_thunk_rax", "jmp\t__x86_indirect_thunk_rdx", "call __llvm_retpoline_r11",
    "jmp __llvm_retpoline_rax", "cs call __x86_indirect_thunk_r9", "cs jmp __x86_indirect_thunk_r10",
    "call __x86_indirect_thunk", "call __x86_indirect_thunk_rax@PLT", "je __x86_indirect_thunk_rax",
    "call __x86_indirect_thunk_eax", "call *__x86_indirect_thunk_rax@GOTPCREL(%rip)", "call __llvm_retpoline_rsp",
    "cs\n\tjmp\t__x86_indirect_thunk_r8", "jmp __x86_return_thunk",
)  # fmt: skip
PLAIN = (
    "nop", "movq\t%rdi, %rax", "pushq\t%rbx", "popq\t%rbx", "xorl\t%eax, %eax", "movq\t%fs:40, %rax",
    "leaq\tfoo(%rip), %rax", "ret", "pause", "rep movsb", "lock incl (%rax)", "movb $'a, %al", "movb $'\", %al",
    "movb $'#, %al", "movb $';, %al", "movq\tfoo@GOTPCREL(%rip), %r11", "movq %r11, %rax", "movl $1, %eax",
    "movabsq $0x1122334455667788, %rcx", "leaq 1f(%rip), %rdx; 1:", "addq $8, %rsp", "subq\t$8, %rsp", "endbr64",
    "vzeroupper", "syscall", "int3", "ud2", "cmpq $0, (%rdi)", "call\tfoo", "call\tfoo@PLT", "jmp\tfoo", "jne\tfoo",
    "xbegin foo", "data16", "fwait", "rex64 nop", "movw %ax, %es", "enter $8, $0", "nopw 0x0(%rax,%rax,1)", "leave",
    "testb $1, foo(%rip)", "movq $.LT, %rax", "leaq .LT(%rip), %rcx", "mov %cs:(%rax), %eax", "repz ret", "notrack",
)  # fmt: skip
PLAIN_INTEL = (
    "nop", "mov\trax, rdi", "push\trbx", "lea\trax, foo[rip]", "xor eax, eax", "mov rax, QWORD PTR fs:40", "ret",
    "mov\trax, QWORD PTR foo@GOTPCREL[rip]", "call\tfoo", "jmp\tfoo", "rep movsb", "mov r11, rax", "lea rax, [rip+foo]",
    "cmp QWORD PTR [rdi], 0", "call\tfoo@PLT",
)  # fmt: skip
PREFIXES = ("lock", "cs", "notrack", "data16", "rex.W", "bnd", "ds", "fs", "wait", "addr32", "{disp32}", "rep")
DIRECTIVES = (
    ".p2align 4", ".p2align 4,,10", ".p2align 3", ".balign 8", ".p2align 5,,31", ".globl foo", ".weak foo",
    ".hidden foo",
    ".set x, 5", "x = 7", ".nops 3", ".local .Lx", ".ident \"x\"",
    ".cfi_undefined 16", ".line 4", "# 3 \"a.c\" 1", ".title \"it's\"", ".att_mnemonic", ".symver foo,foo@V1",
    ".size foo, 8", ".type foo, @function", ".arch generic64", '.file 1 "a.c"\n.loc 1 5', ".nop", '.print ""',
    ".eqv y, x", ".comm c,8,8",
)  # fmt: skip
CFI = (
    ".cfi_def_cfa_offset 16", ".cfi_adjust_cfa_offset 8", ".cfi_remember_state\n.cfi_restore_state",
    ".cfi_undefined 16",
    ".cfi_def_cfa_register %rbp", ".cfi_def_cfa 7, 8", ".cfi_escape 0x2e,0x10", ".cfi_offset 3, -16",
    ".cfi_personality 0x9b,foo", ".cfi_endproc\n.cfi_startproc", ".cfi_signal_frame",
    ".cfi_remember_state",
)  # fmt: skip
#: What puts bytes into text that a disassembler may take for anything, and what makes text of text.
DATA = (
    ".byte 1", ".byte 0x90", ".long 0", ".quad foo", ".value 7", '.ascii "a"', ".skip 5", ".skip 3, 0x90", ".zero 4",
    ".quad .LT", ".long foo-.", ".long .LT-.", '.string "a;b#c/*"', ".uleb128 300", ".fill 2,1,0x90", ".long 1f-.; 1:",
    ".byte 0xf3", ".byte 0x3e",
)  # fmt: skip
WRAPS = (
    (".macro m{n}\n", "\n.endm\n"), (".rept 2\n", "\n.endr\n"), (".irp r,rax,rbx\n", "\n.endr\n"),
    (".irpc c,89\n", "\n.endr\n"), (".if 1\n", "\n.endif\n"), (".if 0\n", "\n.else\n nop\n.endif\n"),
    (".ifdef foo\n", "\n.endif\n"), ("#APP\n", "\n#NO_APP\n"), ('#APP\n# 1 "a.c" 1\n\t', '\n# 0 "" 2\n#NO_APP\n'),
    ('.pushsection .x,"ax"\n', "\n.popsection\n"), ('.pushsection .discard.x,"a"\n.long 1\n.popsection\n', "\n"),
    (".subsection 1\n", "\n.previous\n"), (".bundle_align_mode 5\n", "\n.bundle_align_mode 0\n"),
    (".code32\n", "\n.code64\n"), (".text 2\n", "\n.text 0\n"), ('.section .init.text,"ax"\n', "\n.text\n"),
    ('.section .x,"ax",@progbits,unique,1\n', "\n.text\n"), (".data\n", "\n.text\n"),
    ("/* ", " */"), ('.pushsection .altinstr_replacement,"ax"\n', "\n.popsection\n"), ("# ", "\n"),
    ('.pushsection .text,2,"ax"\n', "\n.popsection\n"), ("# asmrewrite: skip-function\n", "\n"), ("/ ", "\n"),
    (".att_syntax noprefix\n", "\n.att_syntax prefix\n"), (".intel_syntax noprefix\n", "\n.att_syntax prefix\n"),
    (".intel_syntax prefix\n", "\n.att_syntax prefix\n"), ('.section .foo,"axG",@progbits,grp,comdat\n', "\n.text\n"),
    ('.section .foo,"axo",@progbits,.text\n', "\n.text\n"), ('.pushsection .rodata\n.quad foo\n.popsection\n', "\n"),
)  # fmt: skip
ODD = (
    "ca/* */ll *%rax", "call/* */ *%rax", "nop;/call *%rax", "foo{n}/* */:call *%rax", "a{n}=%rax; call a{n}",
    "a{n}=%rax\n\tcall\ta{n}", ".set a{n}, b{n}\nb{n}=%rax\ncall a{n}", ".macro m{n} r\ncall *\\r\n.endm\nm{n} %rax",
    ".macro m{n} a:vararg\n\\a\n.endm\nm{n} call *%rax", ".macro m{n} a b\n\\a\\b *%rax\n.endm\nm{n} ca, ll",
    '"a b{n}": call *%rax', "call *%rax\x00call *%rbx", "\fcall *%rax", "call\r*%rax", "\x0ccall *%rax", ".end",
    ".popsection", ".previous", ".altmacro", ".include \"/dev/null\"", ".macro call x\nnop\n.endm", "{n}: call *%rax",
    ".purgem m1", ".struct 8\nfoo{n}:\n.text", ". = . + 4", '.ascii "a;b" ; call *%rax', "x=4;call *x", ".mri 1",
    ".exitm",
    "foo{n}: .rept 2\ncall *%rax\n.endr", "1: // call *%rax", ".org . + 3", "# asmrewrite: skip-file", "#NO_APP",
    "#APP",
    ".bundle_lock\ncall *%rax\n.bundle_unlock", ".if . - .LT == 5", ".endif", ".else", ".endm", ".endr", ".data",
    ".text",
    ".section .note.gnu.property,\"a\"\n.long 4,16,5\n.string \"GNU\"\n.long 0xc0000002\n.long 4\n.long 3\n.long 0\n"
    ".text",
    "loop .LT", "jrcxz .LT", "jmp .LT", "je .LT", "call .LT", "{disp8} jmp .LT", ".size foo{n}, .-.LT",
    ".reloc ., R_X86_64_NONE",
)  # fmt: skip
SEPARATORS = ("\n",) * 12 + ("; ", ";", " # c\n", " /* c */\n", "\r\n", "\n\n", "\n# c\n", "\n/ c\n", "/* a\n b */",
    "\x00",
    "\t# 8\t[c=9 l=2]  *call\n", "\t# 8\t[c=9 l=2]  *sibcall\n", "\t# 8\t[c=9 l=2]  *tablejump_1\n", " \n")  # fmt: skip
SECTIONS = (
    "\t.text\n", '\t.section\t.text.unlikely,"ax",@progbits\n', '\t.section\t.text.f{n},"ax",@progbits\n',
    '\t.section\t.text.f{n},"axG",@progbits,f{n},comdat\n', '\t.section .init.text,"ax"\n', "\t.text\n\t.p2align 4\n",
    '\t.section\t.text,"ax",@progbits,unique,{n}\n', "\t.section .text\n", '\t.section ".text.f{n}","ax"\n', "",
    '\t.section\t.text.startup,"ax",@progbits\n\t.p2align 4\n', '\t.section .text.f{n},"axG",@progbits,g,comdat\n',
)  # fmt: skip
TAILS = (
    '\t.ident\t"GCC: (GNU) 12.2.0"\n', '\t.ident\t"GCC: (GNU) 12.2.0"\n\t.section\t.note.GNU-stack,"",@progbits\n', "",
    '\t.section\t.note.GNU-stack,"",@progbits\n',
)  # fmt: skip
_KINDS = (
    (INDIRECT,) * 5 + (PLAIN,) * 5 + (STATIC,) * 2 + (THUNKS,) * 2 + (DIRECTIVES,) * 2 + (PREFIXES, DATA, ODD)
)  # fmt: skip
_KINDS_INTEL = (INDIRECT_INTEL,) * 4 + (PLAIN_INTEL,) * 4 + (STATIC[:2], THUNKS[:2], DIRECTIVES)
#: Every statement that the grammar knows, for who mutates a listing.
STATEMENTS = (
    INDIRECT + INDIRECT_INTEL + STATIC + THUNKS + PLAIN + PLAIN_INTEL + PREFIXES + DIRECTIVES + DATA + ODD + TAILS[:2]
    + SECTIONS + CFI + keyed.STATEMENTS
)  # fmt: skip


class _Writer:
    """One listing in the making; `number` keeps its labels apart."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.number = 10
        self.intel = False
        self.framed = False

    def statement(self) -> str:
        """One statement of any kind, blanks before it."""
        random = self.random
        self.number += 1
        kind = random.choice(_KINDS_INTEL if self.intel else _KINDS)
        if kind is DIRECTIVES and self.framed and random.randrange(2):
            kind = CFI
        label = random.choice(("", "", "", "", "", f".L{self.number}:", f"{self.number}: ", f"l{self.number}:\n"))
        return label + random.choice(("\t", "\t", "\t", " ", "")) + self.filled(random.choice(kind))

    def filled(self, text: str) -> str:
        """`text` with a number of its own."""
        return text.replace("{n}", str(self.number))

    def body(self, depth: int) -> str:
        """A few statements, some of them inside of something."""
        random = self.random
        pieces: list[str] = []
        for _ in range(random.randrange(1, 6)):
            if depth and random.randrange(8) == 0:
                self.number += 1
                start, end = random.choice(WRAPS)
                before, self.intel = self.intel, "intel" in start or (self.intel and "att_syntax" not in start)
                pieces += ["\n", self.filled(start), self.body(depth - 1), end]
                self.intel = before and "att_syntax" not in end
            else:
                pieces += [self.statement(), random.choice(SEPARATORS)]
        return "".join(pieces)

    def function(self) -> str:
        """A function as compilers print one, with a cold part now and then."""
        random = self.random
        self.number += 1
        number = self.number
        self.framed = random.randrange(3) > 0
        start, end = ("\t.cfi_startproc\n", "\n\t.cfi_endproc\n") if self.framed else ("", "\n")
        name = f"f{number}"
        text = f"{self.filled(random.choice(SECTIONS))}\t.globl\t{name}\n\t.type\t{name}, @function\n{name}:\n"
        text += f"{start}{self.body(2)}{end}\t.size\t{name}, .-{name}\n"
        if random.randrange(6) == 0:
            text += (
                f'\t.section\t.text.unlikely,"ax",@progbits\n\t.type\t{name}.cold, @function\n{name}.cold:\n'
                f"{start}{self.body(1)}{end}\t.size\t{name}.cold, .-{name}.cold\n"
            )
        self.framed = False
        return text

    def listing(self) -> str:
        """A whole listing."""
        random = self.random
        pieces = [random.choice(('\t.file\t"a.c"\n', ""))]
        table = random.randrange(4)
        pieces.append(".LT:\n\tnop\n" if table == 0 else "")
        if random.randrange(6) == 0:
            self.intel = True
            pieces.append("\t.intel_syntax noprefix\n")
        for _ in range(random.randrange(1, 4)):
            pieces.append(self.function() if random.randrange(3) else self.body(2))
        if table > 1:
            pieces.append("\n\t.section\t.rodata\n\t.align 8\n.LT:\n\t.quad\tfoo\n\t.text\n")
        return "".join([*pieces, "\n", random.choice(TAILS)])


def listing(random: Random) -> str:
    """A listing of some dozen statements, as `random` decides."""
    if random.randrange(5) < 2:
        return keyed.listing(random)
    return _Writer(random).listing()


def statement(random: Random) -> str:
    """One statement, with a number of its own in it."""
    return random.choice(STATEMENTS).replace("{n}", str(random.randrange(10, 99)))
