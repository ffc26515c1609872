"""What a compilation need not import, it does not: each module costs every file of a build its time."""

from __future__ import annotations

import subprocess
import sys

import pytest

from asmrewrite import rewrite

_NEVER = (
    "asmrewrite.analysis.body",
    "asmrewrite.analysis.effects",
    "asmrewrite.verify",
    "lark",
    "elftools",
    "iced_x86",
)
_PLAIN = '\t.text\nf:\n\tcall\t*%rax\n\tret\n\t.ident\t"GCC: (GNU) 12.2.0"\n'
_TEST = "\t.type\tf, @function\n\tcmpb\t$0, __SKEY__k(%rip)\n\tjne\t.L1\n"


def _imported(text: str) -> set[str]:
    script = f"import sys; from asmrewrite.rewriting import rewrite; rewrite({text!r}); print(*sys.modules)"
    return set(
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    )


@pytest.mark.parametrize("text", ["", _PLAIN])
def test_a_listing_without_keys_imports_no_analysis_of_keys(text: str) -> None:
    assert not _imported(text) & {*_NEVER}


def test_a_listing_with_keys_does() -> None:
    assert "asmrewrite.analysis.body" in _imported(_PLAIN.replace("f:\n", f"f:\n{_TEST}"))


def test_a_key_outside_of_functions_is_left_alone() -> None:
    found = rewrite('\t.text\n\tcmpb\t$0, __SKEY__k(%rip)\n\tjne\t.L1\n.L1:\n\t.ident\t"GCC: (GNU) 12.2.0"\n')
    assert not found.changed
    assert [skip.reason.value for skip in found.skips] == ["not-proven"]
