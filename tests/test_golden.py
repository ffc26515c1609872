"""Before and after, as a person reads it: tests/golden/NAME.in.s becomes NAME.out.s.

``python -m tests.regenerate`` writes the outputs anew; review them as a diff.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from asmrewrite import Verdict, check, rewrite
from asmrewrite.stubs import abi
from tests.building import assemble, golden, golden_names, instructions


def assert_golden(name: str, folder: Path) -> None:
    """The input becomes the output; gas takes it; each site passes; a second rewriting finds nothing to do."""
    case = golden(name)
    result = case.rewritten()
    assert result.text == case.output.read_text("latin-1"), f"{name}: see python -m tests.regenerate"
    assert tuple(skip.reason.value for skip in result.skips) == case.left
    made = assemble(result.text, folder / "out.o")
    verdicts = check(str(made))
    assert [str(v) for v in verdicts if v.verdict is not Verdict.PASS] == []
    assert sum(1 for v in verdicts if v.pass_ in abi.PASSES) == len(result.sites)
    again = rewrite(result.text, case.options)
    assert not again.changed, "its own output changes"


@pytest.mark.parametrize("name", golden_names())
def test_golden(name: str, tmp_path: Path) -> None:
    assert_golden(name, tmp_path)


def test_every_output_has_its_input() -> None:
    outputs = {path.name.removesuffix(".out.s") for path in golden("nothing").output.parent.glob("*.out.s")}
    assert outputs == set(golden_names())


def test_only_sites_change(tmp_path: Path) -> None:
    """Around its sites and paddings a golden output has the very instructions of its input."""
    for name in ("call_memory", "both", "cold", "static_call"):
        case = golden(name)
        before = [text for _, _, text in instructions(assemble(case.text, tmp_path / "in.o"))]
        after = [text for _, _, text in instructions(assemble(case.rewritten().text, tmp_path / "out.o"))]
        kept = [text for text in before if "*" not in text and "call" not in text and not text.startswith("j")]
        rest = iter(after)
        assert all(any(text == other for other in rest) for text in kept), name
