"""What must hold of any listing and of any object's bytes; conformance/fuzz says the same of a million."""

from __future__ import annotations

import resource
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asmrewrite import CheckError, Options, check_bytes, rewrite
from conformance.fuzz import objects
from conformance.fuzz.gas import assemble
from conformance.fuzz.mutator import Mutator
from conformance.fuzz.oracle import OPTIONS, Failure, examine, indirect
from tests.strategies import changed_cases, listings

_FOUND = sorted((Path(__file__).resolve().parent.parent / "testdata" / "fuzz").glob("*.s"))
_SLICE = settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@_SLICE
@given(listings, st.sampled_from(OPTIONS))
def test_any_listing(text: str, options: Options) -> None:
    """It round-trips, keeps its lines, is rewritten once, assembles, is proven, and hides no branch."""
    examine(text, options)


@_SLICE
@given(changed_cases, st.sampled_from(OPTIONS))
def test_any_changed_case(text: str, options: Options) -> None:
    examine(text, options)


@pytest.mark.parametrize("path", _FOUND, ids=lambda path: path.stem)
def test_what_was_found(path: Path) -> None:
    """Each of these went wrong once."""
    text = path.read_bytes().decode("latin-1")
    for options in OPTIONS:
        examine(text, options)


def test_damaged_objects(tmp_path: Path) -> None:
    counts, problems = objects.run(300, 1, tmp_path)
    assert problems == []
    assert {"verdicts, verdicts", "CheckError, CheckError"} <= counts.keys()


def test_a_count_beyond_all_bounds_costs_no_memory() -> None:
    """The number of local symbols, in the header of the symbol table, as 2**32-1."""
    original, new = objects.pairs()[0]
    start = int.from_bytes(new[0x28:0x30], "little")
    count = int.from_bytes(new[0x3C:0x3E], "little")
    (table,) = [at for at in range(start, start + 64 * count, 64) if new[at + 4] == 2]
    limits = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, limits[1]))
    try:
        said = objects.examine(original, new[: table + 44] + b"\xff" * 4 + new[table + 48 :])
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert said == "verdicts, verdicts"


def test_a_file_that_ends_early_is_said_to_be_damaged() -> None:
    content, _ = assemble("\tnop\n")
    with pytest.raises(CheckError, match=r"x\.o: is (damaged|cut short)"):
        check_bytes(content[:-10], "x.o")


def test_the_oracle_sees_what_goes_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rewriting that makes another branch of it, or adds a line, is a failure."""
    text = "\tcall\t*%rax\n\tret\n"
    right = rewrite(text, OPTIONS[0])
    edits = [p.replace("; call\t", "; {disp32} jmp\t") if isinstance(p, str) else p for p in right.pieces]
    other = right._replace(pieces=tuple(edits))
    longer = right._replace(pieces=("\n", *right.pieces))
    for wrong, kind in ((other, "site"), (longer, "lines")):
        monkeypatch.setattr("conformance.fuzz.oracle.rewrite", lambda t, _o, w=wrong: w if t == text else rewrite(t))
        with pytest.raises(Failure, match=kind):
            examine(text, OPTIONS[0])


def test_the_oracle_decodes_indirect_branches() -> None:
    content, _ = assemble("\tcall *%rax\n\tjmp *8(%rbx)\n\tlcall *(%rax)\n\tcall f\n\t.data\n\t.byte 0xff,0xd0\n")
    assert [line.split(": ")[0] for line in indirect(content)] == [".text+0x0", ".text+0x2", ".text+0x5"]


def test_mutations_are_bounded_and_repeatable() -> None:
    made = [Mutator(["\tcall *%rax\n"], 200).mutate("\tnop\n", Random(number)) for number in range(50)]
    assert made == [Mutator(["\tcall *%rax\n"], 200).mutate("\tnop\n", Random(number)) for number in range(50)]
    assert max(map(len, made)) <= 200
