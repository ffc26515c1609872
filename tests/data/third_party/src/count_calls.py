"""count-calls: every indirect call of compiled code adds one to `indirect_calls`, a variable of 8 bytes.

Before and after::

    call *%rax

    incq indirect_calls(%rip); call *%rax

Flags are dead at every call that a compiler emits, and no register is touched.
"""

from __future__ import annotations

from asmrewrite import Edit, Options, Outcome, Unit

COUNTER = "indirect_calls"


class CountCalls:
    """The pass; the entry point names this class."""

    def watch(self, options: Options) -> tuple[str, ...]:
        """No symbol besides the indirect branches, which every pass is shown."""
        return ()

    def run(self, unit: Unit) -> Outcome:
        """An insertion before each call that is certain, and the variable at the end."""
        edits = []
        for branch in unit.branches:
            certain = branch.skip is None and not branch.place.asm
            if certain and branch.role == "call" and not unit.opted_out(branch, "count-calls"):
                count = f"inc\tQWORD PTR {COUNTER}[rip]" if branch.place.intel else f"incq\t{COUNTER}(%rip)"
                edits.append(Edit(branch.start, branch.start, f"{count}; "))
        return Outcome(tuple(edits), f"\t.comm\t{COUNTER},8,8\n" if edits else "")
