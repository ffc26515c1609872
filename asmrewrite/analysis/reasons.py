"""Why an indirect branch or a function's entry was left alone: one list, for people and programs."""

from __future__ import annotations

from enum import Enum


class SkipReason(str, Enum):
    """Every indirect branch and, with call-ops, every function that is not a site has one of these."""

    #: A jump through a table of the same function; flags and `%r11` may be live at its targets.
    JUMP_TABLE = "jump-table"
    #: A computed goto, non-local goto or longjmp: same rule as a jump table.
    COMPUTED_GOTO = "computed-goto"
    #: `jmp *` without gcc's -dp note, and not provably a tail call.
    NOT_PROVEN = "not-proven"
    #: Between #APP and #NO_APP, and inline-asm is off.
    INLINE_ASM = "inline-asm"
    #: In a listing that bears no compiler's mark, and inline-asm is off.
    HAND_WRITTEN = "hand-written"
    #: Part of a thread-local-storage sequence, which linkers match byte for byte.
    TLS = "tls"
    #: A call of a profiler's hook (-pg), which tools find by its bytes and patch.
    PROFILING = "profiling"
    #: A prefix that changes what the branch does, or data right before it that may be one; or, in the whole listing, a
    #: prefix with something else behind it than an instruction.
    PREFIX = "prefix"
    #: A far call or jump.
    FAR = "far"
    #: An operand smaller than 64 bits, or the stack pointer.
    OPERAND = "operand"
    #: `%r11` is read behind the call, or written for it as an argument, so it cannot carry the target.
    R11_LIVE = "r11-live"
    #: 16- or 32-bit code, or in a listing whose `.arch` may not have what a rewriting adds.
    CODE_SIZE = "code-size"
    #: In the body of a macro or a repetition.
    MACRO = "macro"
    #: Behind a macro or repetition that may have changed sections, syntax or names; or, in the whole listing, a macro
    #: has the name of an instruction or directive that a rewriting adds.
    MACRO_EFFECTS = "macro-effects"
    #: Inside .if ... .endif.
    CONDITIONAL = "conditional"
    #: In bundle mode already, or in a listing that ends in it.
    BUNDLED = "bundled"
    #: A block comment glues the statement's words together, or a NUL cuts a string; or, in the whole listing, the
    #: string of a line marker does not end.
    GLUED_COMMENT = "glued-comment"
    #: Through a symbol that was given a register as its value.
    REGISTER_ALIAS = "register-alias"
    #: The text begins with #NO_APP, so that gas reads it without stripping comments, or it has `.mri`.
    RAW_LISTING = "raw-listing"
    #: In a listing with .end, behind which gas reads nothing, or that ends in an open comment or string.
    END_DIRECTIVE = "end-directive"
    #: In a listing that counts bytes of code, those of the branch perhaps among them: `jmp .+8`, `.org 64`, `8(%rip)`.
    COUNTED = "counted"
    #: The section that it stands in cannot be told, or is not for code.
    UNKNOWN_SECTION = "unknown-section"
    #: To a trampoline or thunk that has the name of a section: gas has one symbol for both, which objects do not name.
    SECTION_NAME = "section-name"
    #: In a section of replacement code that is copied elsewhere before it runs.
    ALTERNATIVE = "alternative"
    #: In one of our own or the compiler's own thunks.
    THUNK = "thunk"
    #: Through the compiler's thunk that takes its target from the stack.
    STACK_THUNK = "stack-thunk"
    #: A key's byte that is read for another purpose than a branch: it stays a load.
    KEY_VALUE = "key-value"
    #: A test of a key whose load, comparison and branch cannot be brought together, or whose branch is a static call.
    KEY_APART = "key-apart"
    #: A test of a key whose registers or flags may be read behind it.
    KEY_LIVE = "key-live"
    #: abi=kernel: an indirect branch that goes through no thunk, so that nothing there protects or patches it.
    NOT_A_THUNK = "not-a-thunk"
    #: abi=kernel: in text that must not be patched as it runs (noinstr, entry, kprobes) or runs once (init, exit).
    SPECIAL_TEXT = "special-text"
    #: The file asked to be left alone.
    FILE_OPTED_OUT = "file-opted-out"
    #: The function asked to be left alone.
    FUNCTION_OPTED_OUT = "function-opted-out"
    #: Left out by `functions` or `skip-functions`.
    FUNCTION_EXCLUDED = "function-excluded"
    #: The operand grammar does not know the operand.
    UNKNOWN_OPERAND = "unknown-operand"
    #: Of an entry: the part of a function that gcc split off, which is jumped to and never called.
    COLD_PART = "cold-part"
    #: Of an entry: the loader calls it, to choose a function, before anything else has run.
    RESOLVER = "resolver"
    #: Of an entry: what stands before the first instruction is not what compilers put there, or there is none; or with
    #: ops-layout=literal, something runs into the function from above.
    ENTRY = "entry"
    #: Of an entry: nops of -fpatchable-function-entry that are not ours to take.
    PATCHABLE_ENTRY = "patchable-entry"
    #: Of an entry: the compiler marked others (-pg -mfentry, -fpatchable-function-entry), and not this one.
    NOT_INSTRUMENTED = "not-instrumented"
    #: Of an entry: fewer instructions than `ops-min-size`.
    TOO_SMALL = "too-small"
    #: Of an entry: in a section that `ops-sections` leaves out.
    SECTION_EXCLUDED = "section-excluded"
    #: No pass that rewrites such a branch was asked for.
    NOT_ASKED = "not-asked"

    @property
    def unsure(self) -> bool:
        """Whether the cause is doubt (``on-unsure=error`` objects to it) and not knowledge or a wish."""
        return self in _UNSURE


_UNSURE = frozenset(
    {
        SkipReason.NOT_PROVEN, SkipReason.MACRO, SkipReason.MACRO_EFFECTS, SkipReason.CONDITIONAL,
        SkipReason.GLUED_COMMENT, SkipReason.REGISTER_ALIAS, SkipReason.RAW_LISTING, SkipReason.END_DIRECTIVE,
        SkipReason.UNKNOWN_SECTION, SkipReason.UNKNOWN_OPERAND, SkipReason.HAND_WRITTEN, SkipReason.R11_LIVE,
        SkipReason.COUNTED, SkipReason.ENTRY,
    }
)  # fmt: skip
