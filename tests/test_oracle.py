"""gcc's own list of the indirect branches that it prints, by a plugin, against ours; and that a difference is seen."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from conformance import oracle
from conformance.dejagnu import Asked, asked
from conformance.oracle import Printed
from tests.building import must, needs_gxx
from tests.c_sources import CALLS, JUMPS, NON_LOCAL, THREAD
from tests.cxx_sources import VIRTUAL

needs_plugin = pytest.mark.skipif(
    bool(oracle.missing()), reason=f"gcc's plugin headers are not installed: apt-get install {oracle.missing()}"
)
FLAGS = [
    "-O0", "-O1", "-O2", "-O3 -fPIC", "-Os -masm=intel", "-O2 -fno-pie -fno-plt", "-O3 -fPIC -fno-plt",
    "-O2 -mindirect-branch=thunk", "-Os -mindirect-branch=thunk-extern -mindirect-branch-register -fno-pie",
    "-O2 -mforce-indirect-call -fcf-protection -mharden-sls=all", "-O1 -fno-asynchronous-unwind-tables",
    "-O2 -pg -fno-plt", "-O2 -fPIC -mtls-dialect=gnu2", "-O1 -mcmodel=large", "-O3 -march=core-avx2 -fno-plt -g",
    "-O2 -masm=intel -mindirect-branch=thunk -fPIC -fno-plt", "-O0 -mforce-indirect-call",
]  # fmt: skip
SOURCES = {"calls.c": CALLS, "jumps.c": JUMPS, "non_local.c": NON_LOCAL, "thread.c": THREAD, "virtual.cc": VIRTUAL}


def listing(name: str, flags: str, folder: Path, notes: bool) -> tuple[str, list[Printed]]:
    """What gcc prints for a source, and what it says of that."""
    (folder / name).write_text(SOURCES[name])
    words = ["gcc", "-w", "-S", *flags.split(), *(["-dp"] if notes else []), *oracle.flags(folder / "list")]
    must([*words, "-o", folder / "x.s", folder / name])
    return (folder / "x.s").read_bytes().decode("latin-1"), oracle.read(folder / "list")


@needs_plugin
@pytest.mark.parametrize("flags", FLAGS)
@pytest.mark.parametrize("name", SOURCES)
def test_branches_are_those_of_the_rtl(name: str, flags: str, tmp_path: Path) -> None:
    if name.endswith(".cc") and shutil.which("g++") is None:
        pytest.skip("g++ is not installed: apt-get install g++")
    for notes in (True, False):
        text, printed = listing(name, flags, tmp_path, notes)
        found = oracle.compare(text, printed)
        assert found.problems == []
        assert not (notes and found.unproven and "=thunk" not in flags)


@needs_plugin
@needs_gxx
def test_the_sources_have_every_kind(tmp_path: Path) -> None:
    """Calls, tail calls, tables and computed jumps; in hot parts, cold parts, nested functions and thunks."""
    roles: dict[str, set[str]] = {}
    functions: set[str] = set()
    for name in ("calls.c", "jumps.c", "non_local.c", "virtual.cc"):
        for printed in listing(name, "-O2 -fPIC -fno-plt", tmp_path, False)[1]:
            part = "cold" if printed.function.endswith(".cold") else "hot"
            roles.setdefault(part, set()).add(printed.role)
            functions.add(printed.function)
    assert roles["hot"] == {"call", "tail", "table", "goto"}
    assert roles["cold"] >= {"call"}
    assert any(function.startswith("inner.") for function in functions)


@needs_plugin
@needs_gxx
def test_thunks_are_in_the_list(tmp_path: Path) -> None:
    """No pass sees a this-adjusting thunk; one that cannot name its target jumps to it through a register."""
    text, printed = listing("virtual.cc", "-O0 -mforce-indirect-call", tmp_path, False)
    assert Printed("_ZThn16_N6Object5rightEi", "tail") in printed
    assert Printed("_ZTv0_n24_N6Object5basedEi", "tail") in printed
    assert Printed("_ZTch0_h8_N6Object4copyEv", "call") in printed
    assert oracle.compare(text, printed).problems == []


@needs_plugin
@needs_gxx
def test_most_tail_calls_are_proven_without_notes(tmp_path: Path) -> None:
    """All but those of the one function that has a jump table."""
    text, printed = listing("virtual.cc", "-O2", tmp_path, False)
    in_doubt = [found for found in printed if found.function.startswith("_Z4rare") and found.role != "call"]
    assert oracle.compare(text, printed).unproven == len(in_doubt) < sum(found.role == "tail" for found in printed)


# ---- a difference is seen ------------------------------------------------------------------------------

TEXT = """\t.type f, @function
f:
\tcall\t*%rax\t# 8\t[c=9 l=2]  *call
\tjmp\t*8(%rax)\t# 9\t[c=9 l=2]  *sibcall
\t.ident\t"GCC"
"""
PRINTED = [Printed("f", "call"), Printed("f", "tail")]


@pytest.mark.parametrize(
    ("printed", "problem"),
    [
        (PRINTED[:1], "gcc printed 1 indirect branches and we see 2"),
        ([*PRINTED, PRINTED[0]], "gcc printed 3"),
        ([PRINTED[0], Printed("f", "goto")], "branch 1 is"),
        ([PRINTED[0], Printed("f.cold", "tail")], "branch 1 is"),
        (PRINTED[::-1], "branch 0 is"),
    ],
)
def test_differences_are_seen(printed: list[Printed], problem: str) -> None:
    assert oracle.compare(TEXT, PRINTED) == ([], 0, 2)
    assert any(problem in found for found in oracle.compare(TEXT, printed).problems)


def test_a_doubt_is_no_claim() -> None:
    """Without a note the jump is not proven: that agrees with whatever gcc says of the same function only."""
    text = '\t.type f, @function\nf:\n\tjmp\t*%rax\n\t.ident\t"GCC"\n'
    assert oracle.compare(text, [Printed("f", "table")]) == ([], 1, 0)
    assert oracle.compare(text, [Printed("g", "table")]).problems


def test_a_call_that_is_no_site_is_seen() -> None:
    text = TEXT.replace("call\t*%rax", "bnd call\t*%rax")
    assert "the sites" in oracle.compare(text, PRINTED).problems[0]


# ---- what tests of gcc ask for ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", Asked("compile", (), ())),
        ("// { dg-do run }\n// { dg-options -O2 }\n", Asked("run", ("-O2",), ())),
        ('/* { dg-do run { target { i?86-*-linux* x86_64-*-linux* } } } */\n', Asked("run", (), ())),
        ("// { dg-do run { target { { i?86-*-* x86_64-*-* } && ilp32 } } }\n", Asked("", (), ())),
        ("// { dg-do run { target { ! c++11 } } }\n", Asked("", (), ())),
        ("// { dg-do run { target c++14_down } }\n", Asked("run", ("-std=gnu++14",), ())),
        ('// { dg-do run { xfail "ia64-hp-hpux11.*" } }\n', Asked("run", (), ())),
        ('// { dg-options -O { target arm*-*-* } }\n// { dg-options "-Os -g" }\n', Asked("compile", ("-Os", "-g"), ())),
        ('/* { dg-options { "-fwrapv" } } */', Asked("compile", ("-fwrapv",), ())),
        ('// { dg-additional-options "-mavx" { target x86_64-*-* i?86-*-* } }\n', Asked("compile", ("-mavx",), ())),
        ('// { dg-additional-sources "a.cc" }\n', Asked("compile", (), ("a.cc",))),
        ('// { dg-error "x" }\n', Asked("compile", (), ())),
    ],
)  # fmt: skip
def test_directives(text: str, expected: Asked) -> None:
    assert asked(text, "compile") == expected
