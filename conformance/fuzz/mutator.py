"""Small changes to a listing, by its lines and statements: what a random byte would hardly ever do."""

from __future__ import annotations

import re
from collections.abc import Callable
from random import Random

from conformance.fuzz import grammar, keyed

#: What a line may be put into, or joined by.
_GLUE = (
    "; ",
    ";",
    "/* x */",
    "\x00",
    " # ",
    "\r",
    "\f",
    "/",
    " /* a\n b */ ",
    "\\\n",
    "\n\n",
    '"',
    "'",
    "/*",
    "*/",
    "\\",
)
_WORDS = (
    "%rax", "%r11", "%rsp", "%eax", "%ax", "rax", "R11", "(%rax)", "8(%rbx)", "foo", "foo@PLT", "foo@GOTPCREL(%rip)",
    "*",
    "*%rax", "*foo(%rip)", "call", "jmp", "je", "lock", "cs", "notrack", "data16", "nop", ".LT", "1f", "1b",
    "__SCT__event",
    "__SCK__event", "__x86_indirect_thunk_rax", "__llvm_retpoline_r11", "QWORD PTR [rax]", "$foo", "%fs:", "0x90", "-1",
    "{disp32}", ".text", ".section", ".pushsection", ".popsection", "@function", "comdat", '"ax"', '"axG"', "unique",
    "__SKEY__k", "__MARK__m(%rip)", "%al", "jne", "jz", "testb", "movzbl", "cmpb", "$0", "$1", "endbr64", "__fentry__",
    "__SKEY__k@GOTPCREL(%rip)", "(%rbx)", "%ebx", "setne",
)  # fmt: skip
_TOKEN = re.compile(r"[\w.$@%*]+|[^\w\s]")


class Mutator:
    """Changes texts; `texts` are what lines are borrowed from."""

    def __init__(self, texts: list[str], longest: int) -> None:
        self.texts = texts
        self.longest = longest

    def mutate(self, text: str, random: Random) -> str:
        """`text` after one to four changes, or another text altogether."""
        if random.randrange(5) < 2:
            # What the passes for keys and entries want is soon spoilt.
            text = keyed.listing(random)
            if random.randrange(3):
                return text[: self.longest]
        elif not text or random.randrange(12) == 0:
            text = grammar.listing(random) if random.randrange(4) else random.choice(self.texts)
        for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
            change = random.choice(_CHANGES)
            text = "".join(change(self, text.splitlines(keepends=True) or ["\n"], random))
        return text[: self.longest]

    def _insert(self, lines: list[str], random: Random) -> list[str]:
        place = random.randrange(len(lines) + 1)
        return [*lines[:place], f"\t{grammar.statement(random)}{random.choice(grammar.SEPARATORS)}", *lines[place:]]

    def _borrow(self, lines: list[str], random: Random) -> list[str]:
        other = random.choice(self.texts).splitlines(keepends=True)
        start = random.randrange(len(other)) if other else 0
        place = random.randrange(len(lines) + 1)
        return [*lines[:place], *other[start : start + random.randrange(1, 9)], *lines[place:]]

    def _drop(self, lines: list[str], random: Random) -> list[str]:
        place = random.randrange(len(lines))
        return [*lines[:place], *lines[place + random.choice((1, 1, 2, 5)) :]]

    def _move(self, lines: list[str], random: Random) -> list[str]:
        start = random.randrange(len(lines))
        part = lines[start : start + random.randrange(1, 5)]
        rest = lines if random.randrange(2) else lines[:start] + lines[start + len(part) :]
        place = random.randrange(len(rest) + 1)
        return [*rest[:place], *part, *rest[place:]]

    def _wrap(self, lines: list[str], random: Random) -> list[str]:
        before, after = random.choice(grammar.WRAPS)
        start = random.randrange(len(lines))
        end = start + random.randrange(1, 5)
        number = str(random.randrange(10, 99))
        return [*lines[:start], before.replace("{n}", number), *lines[start:end], after, *lines[end:]]

    def _word(self, lines: list[str], random: Random) -> list[str]:
        place = random.randrange(len(lines))
        found = list(_TOKEN.finditer(lines[place]))
        if not found:
            return self._insert(lines, random)
        token, line = random.choice(found), lines[place]
        word = random.choice(_WORDS)
        if random.randrange(3) == 0:
            other = _TOKEN.findall(random.choice(lines))
            word = random.choice(other) if other else word
        lines[place] = line[: token.start()] + random.choice(("", word, word, word)) + line[token.end() :]
        return lines

    def _glue(self, lines: list[str], random: Random) -> list[str]:
        place = random.randrange(len(lines))
        line = lines[place]
        at = random.randrange(len(line) + 1)
        if random.randrange(3) == 0:
            lines[place] = line.rstrip("\n") + random.choice(_GLUE)
        else:
            lines[place] = line[:at] + random.choice(_GLUE) + line[at:]
        return lines

    def _byte(self, lines: list[str], random: Random) -> list[str]:
        place = random.randrange(len(lines))
        line = lines[place]
        at = random.randrange(len(line) + 1)
        new = chr(random.choice((random.randrange(256), random.randrange(32, 127), 10, 9, 32)))
        lines[place] = line[:at] + random.choice(("", new, new)) + line[at + random.randrange(2) :]
        return lines


_CHANGES: tuple[Callable[[Mutator, list[str], Random], list[str]], ...] = (
    Mutator._insert, Mutator._insert, Mutator._insert, Mutator._borrow, Mutator._borrow, Mutator._drop, Mutator._move,
    Mutator._move, Mutator._wrap, Mutator._word, Mutator._word, Mutator._word, Mutator._glue, Mutator._byte,
)  # fmt: skip
