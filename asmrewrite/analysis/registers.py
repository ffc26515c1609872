"""The general registers and the flags in parts, so that `movb %cl, %al` is told from `movl %ecx, %eax`."""

from __future__ import annotations

#: The status flags together. A writer of some of them neither kills nor reads this.
FLAGS = "flags"

_LETTERS = ("a", "c", "d", "b")
_POINTERS = ("sp", "bp", "si", "di")


def _names() -> dict[str, tuple[str, frozenset[str]]]:
    """Register name, without `%` -> its 64-bit register and the parts of that which the name stands for."""
    names: dict[str, tuple[str, frozenset[str]]] = {}

    def add(whole: str, low: str, word: str, double: str) -> None:
        parts = {"low": f"{whole}.low", "high": f"{whole}.high", "rest": f"{whole}.rest"}
        every = frozenset(parts.values())
        names[whole] = names[double] = (whole, every)  # writing 32 bits clears the others
        names[word] = (whole, frozenset({parts["low"], parts["high"]}))
        names[low] = (whole, frozenset({parts["low"]}))

    for letter in _LETTERS:
        whole = f"r{letter}x"
        add(whole, f"{letter}l", f"{letter}x", f"e{letter}x")
        names[f"{letter}h"] = (whole, frozenset({f"{whole}.high"}))
    for pointer in _POINTERS:
        add(f"r{pointer}", f"{pointer}l", pointer, f"e{pointer}")
    for number in range(8, 16):
        add(f"r{number}", f"r{number}b", f"r{number}w", f"r{number}d")
    return names


#: See `_names`.
NAMES = _names()
WHOLE: dict[str, frozenset[str]] = {name: parts for name, (whole, parts) in NAMES.items() if name == whole}
#: What a callee may be given and need not preserve, but for `%r11`.
ARGUMENTS = frozenset().union(*(WHOLE[r] for r in ("rdi", "rsi", "rdx", "rcx", "r8", "r9", "r10", "rax")))
#: What an exception leaves as it was (psABI 3.2.1).
PRESERVED = frozenset().union(*(WHOLE[r] for r in ("rbx", "rbp", "rsp", "r12", "r13", "r14", "r15")))
EVERYTHING = frozenset().union(*WHOLE.values()) | {FLAGS}
