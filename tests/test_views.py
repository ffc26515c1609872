"""The views of a position: labels, section, provenance and frame, as gas and readelf see them."""

from __future__ import annotations

import re

from asmrewrite import cfa_offset, in_assembly, labels, parse, section_at, survey
from tests.support import assemble, compiled, run

SOURCE = """
extern int g(int);
int f(int (*p)(int), int x) { asm volatile("mark_in_asm:" : : : "memory"); return p(x) + g(x); }
__attribute__((section(".text.other"))) int h(int x) { int a[64]; return g(x + g((int)(long)a)); }
int data = 3;
"""


def test_labels_are_those_of_the_symbol_table(tmp_path) -> None:  # type: ignore[no-untyped-def]  # pytest's Path
    text = compiled(SOURCE, "-O2")
    found = [label.name for label in labels(parse(text))]
    made = assemble(text + "\t.text\n")
    assert made is not None
    (tmp_path / "x.o").write_bytes(made)
    printed = run(["nm", str(tmp_path / "x.o")]).stdout.decode()
    named = {line.split()[-1] for line in printed.splitlines() if " U " not in line}
    assert named == {name for name in found if not name.startswith(".L")}
    assert all(text[label.position :].startswith(label.name) for label in labels(parse(text)))
    assert len(found) == len(re.findall(r"^[ \t]*[\w.]+:", text, re.MULTILINE))


def test_section_and_provenance_of_a_position() -> None:
    text = compiled(SOURCE, "-O2")
    listing = parse(text)
    found = survey(listing)
    for name, section in (("f:", ".text"), ("h:", ".text.other"), ("data:", ".data")):
        at = section_at(found, text.index(f"\n{name}") + 1)
        assert at is not None
        assert at.name == section
    assert in_assembly(listing, text.index("mark_in_asm"))
    assert not in_assembly(listing, text.index("\tcall\tg"))
    assert not in_assembly(listing, 0)


def test_the_frame_is_what_the_unwinder_reads() -> None:
    """At each call, the CFA's distance is that of the row of readelf's table that covers it."""
    text = compiled(SOURCE, "-O2", "-fno-optimize-sibling-calls")
    start = text.index("\nh:")
    call = text.index("\tcall\tg", start)
    pushed = len(re.findall(r"\tpushq", text[start:call])) * 8
    taken = sum(int(n) for n in re.findall(r"\tsubq\t\$(\d+), %rsp", text[start:call]))
    assert cfa_offset(text, call) == 8 + pushed + taken
    assert cfa_offset(text, start + 3) is None
    assert cfa_offset(text, text.index(".cfi_endproc", call) + 14) is None
