"""What the analysis says of each text in gas_cases.py against what gas makes of it."""

from __future__ import annotations

import pytest

from asmrewrite import SkipReason, branches, parse, survey
from tests.gas_cases import CASES, REFUSED, Case
from tests.support import assemble, indirect_branches, run

_VERSION = run(["as", "--version"]).stdout.partition(b"\n")[0].decode().split()[-1]

#: What stands around a call, and why nothing there may change; gas takes every one of them.
_DOUBTFUL = (
    (".macro m\n", "\n.endm\n", SkipReason.MACRO),
    (".macro m\n.endr\n", "\n.endm\n", SkipReason.MACRO),
    (".macro m\n.macro n\n.endm\n", "\n.endm\n", SkipReason.MACRO),
    (".rept 3\n", "\n.endr\n", SkipReason.MACRO),
    (".rept 2\n.irp r,rbx\n.endr\n", "\n.endr\n", SkipReason.MACRO),
    (".irp r,rax,rbx\n", "\n.endr\n", SkipReason.MACRO),
    (".irpc c,ab\n", "\n.endr\n", SkipReason.MACRO),
    (".altmacro\n", "\n.noaltmacro\n", SkipReason.MACRO_EFFECTS),
    (".macro call_it f\n.endm\n", "\n", SkipReason.MACRO_EFFECTS),
    ('.macro m\n.pushsection .x,"ax"\n.endm\n', "\n", SkipReason.MACRO_EFFECTS),
    (".macro m\n.data\n.endm\n", "\n", SkipReason.MACRO_EFFECTS),
    (".macro m\n.code32\n.endm\n", "\n", SkipReason.MACRO_EFFECTS),
    (".irp s,text\n.\\s\n.endr\n", "\n", SkipReason.MACRO_EFFECTS),
    (".macro m s\n\\s .text\n.endm\n", "\n", SkipReason.MACRO_EFFECTS),
    (".if 1\n", "\n.endif\n", SkipReason.CONDITIONAL),
    (".ifdef x\n.else\n", "\n.endif\n", SkipReason.CONDITIONAL),
    (".ifc a,b\n.elseif 1\n", "\n.endif\n", SkipReason.CONDITIONAL),
    ('.if 1\n.section .x,"ax"\n.endif\n', "\n", SkipReason.MACRO_EFFECTS),
    (".if 1\n.att_syntax prefix\n.endif\n", "\n", SkipReason.MACRO_EFFECTS),
    ('.section .text.x,"axG",@progbits\n', "\n", SkipReason.UNKNOWN_SECTION),
    (".code32\n.byte 0x90\n.code16\n", "\n.code64\n", SkipReason.CODE_SIZE),
    (".bundle_align_mode 5\n", "\n.bundle_align_mode 0\n", SkipReason.BUNDLED),
    ('.section .altinstr_replacement,"ax"\n', "\n.text\n", SkipReason.ALTERNATIVE),
    ("lock; ds ", "\n", SkipReason.PREFIX),
    ("ca/* */", "\n", SkipReason.GLUED_COMMENT),
    ("x/* */:", "\n", SkipReason.GLUED_COMMENT),
    ("", "/* */+8\n", SkipReason.GLUED_COMMENT),
    ("", "\n.end\n", SkipReason.END_DIRECTIVE),
)


def _reported(text: str) -> list[str]:
    found = branches(survey(parse(text)))
    return [f"{b.role} {b.skip.value if b.skip else ''}".strip() for b in found if b.indirect]


@pytest.mark.parametrize("case", CASES, ids=[repr(case.text) for case in CASES])
def test_reports(case: Case) -> None:
    assert "; ".join(_reported(case.text)) == case.reports


@pytest.mark.parametrize("case", CASES, ids=[repr(case.text) for case in CASES])
def test_no_indirect_branch_is_missed(case: Case) -> None:
    content = assemble(case.text)
    if content is None and _VERSION != "2.40":
        pytest.skip(f"gas {_VERSION} refuses what gas 2.40 takes")
    assert content is not None
    made, reported = len(indirect_branches(content)), len(_reported(case.text))
    if case.made is None:
        assert made == reported
    else:
        assert case.why
        assert made == case.made != reported


@pytest.mark.skipif(_VERSION != "2.40", reason=f"the list is that of gas 2.40, and this is {_VERSION}")
@pytest.mark.parametrize("text", REFUSED, ids=[repr(text) for text in REFUSED])
def test_refused(text: str) -> None:
    assert assemble(text) is None


@pytest.mark.parametrize("text", REFUSED, ids=[repr(text) for text in REFUSED])
def test_refused_text_is_analysed_without_failing(text: str) -> None:
    found = survey(parse(text))
    assert all(text[b.start : b.end].strip() for b in branches(found))


@pytest.mark.parametrize(("before", "after", "reason"), _DOUBTFUL, ids=[b + "_" + a for b, a, _ in _DOUBTFUL])
def test_doubtful_constructs_are_left_alone(before: str, after: str, reason: SkipReason) -> None:
    branch = "ll *target" if before.startswith("ca/") else "call *%ax" if ".code16" in before else "call *target"
    text = f"call *(%rcx)\n{before}{branch}{after}"
    assert assemble(text) is not None
    outside, inside = branches(survey(parse(text)))
    assert inside.skip is reason
    whole = reason in (SkipReason.END_DIRECTIVE, SkipReason.BUNDLED) or "/*" in before
    assert outside.skip is (reason if whole else None)


def test_every_difference_has_its_cause() -> None:
    assert all(bool(case.why) == (case.made is not None) for case in CASES)
    reasons = {reason.value for reason in SkipReason}
    for case in CASES:
        for report in filter(None, case.reports.split("; ")):
            role, _, reason = report.partition(" ")
            assert role in {"call", "tail", "table", "goto", "unproven"}
            assert not reason or reason in reasons
