"""Where text goes: section directives against what gas makes of them."""

from __future__ import annotations

import pytest

from asmrewrite import Section, parse, survey
from asmrewrite.analysis.sections import SectionTracker
from tests.support import assemble, sections

#: Statements; behind each stands a marker of its own length, whose section readelf shows.
_WALKS = [
    (".section .a,\"ax\"", ".previous", ".previous", ".text"),
    (".pushsection .a,\"ax\"", ".pushsection .b,\"aw\"", ".popsection", ".popsection"),
    (".pushsection .a,\"ax\"", ".section .b", ".popsection", ".previous"),
    (".section .a", ".section .b", ".previous", ".pushsection .c", ".previous", ".popsection", ".previous"),
    (".data", ".text 1", ".previous", ".bss", ".previous", ".data 2", ".text"),
    (".text 2", ".subsection 1", ".previous", ".section .a", ".subsection 3", ".previous"),
    (".pushsection .a, 1", ".popsection", ".pushsection .a, 2", ".data", ".popsection"),
    (".popsection", ".section .a", ".popsection", ".text"),
    (".previous", ".section .a", ".previous"),
    (".section .a,\"axG\",@progbits,sig,comdat", ".section .b,\"aG\",@progbits,sig,comdat", ".previous"),
    (".section \"with space\",\"ax\"", ".section \".a;b#c\",\"a\"", ".previous"),
    (".SECTION .a,\"ax\"", ".PushSection .b", ".POPSECTION", ".TEXT", ".Data"),
    (".section .a,\"aM\",@progbits,4", ".text", ".section .a", ".section .s,\"aMS\",@progbits,1"),
    (".struct 8", ".text", ".offset 4", ".previous", ".data"),
    (".section .text.hot", ".section .text.unlikely,\"ax\",@progbits", ".text", ".section .init.text,\"ax\""),
    (".sect .a", ".text # .data", ".data /* .text */", ".text;"),
]  # fmt: skip


@pytest.mark.parametrize("walk", _WALKS, ids=" ".join)
def test_every_step_of_a_walk(walk: tuple[str, ...]) -> None:
    lines, expected = [], dict[str, int]()
    positions = []
    for step, statement in enumerate(walk):
        lines.append(f"{statement}\n")
        positions.append(len("".join(lines)))
        lines.append(f".skip {4 << (2 * step)}\n" if not statement.startswith((".struct", ".offset")) else "\n")
    text = "".join(lines)
    found = survey(parse(text))
    for step, (position, statement) in enumerate(zip(positions, walk, strict=True)):
        section = [s for start, s in found.sections if start <= position][-1]
        if statement.startswith((".struct", ".offset")):
            assert section is None
            continue
        assert section is not None
        name = section.name.strip('"')
        expected[name] = expected.get(name, 0) + (4 << (2 * step))
    content = assemble(text)
    assert content is not None
    tables = (".note.gnu.property", ".symtab", ".strtab", ".shstrtab", ".group")
    made = {name: size for name, (_, size) in sections(content).items() if size and name not in tables}
    assert made == expected


@pytest.mark.parametrize(
    ("directive", "expected"),
    [
        (".text", Section(".text", "", "ax")),
        (".data 1", Section(".data", "", "aw", "", "1")),
        (".section .a", Section(".a")),
        (".section .init.text,\"ax\",@progbits", Section(".init.text", '"ax", @progbits', "ax")),
        (".section .a,\"axG\",@progbits,sig,comdat", Section(".a", '"axG", @progbits, sig, comdat', "axG", "sig")),
        (".section .a,\"aMSG\",@progbits,1,sig,comdat", Section(".a", '"aMSG", @progbits, 1, sig, comdat', "aMSG",
        "sig")),
        (".section .a,\"aoG\",@progbits,.text,sig,comdat", Section(".a", '"aoG", @progbits, .text, sig, comdat',
        "aoG", "sig")),
        (".section .a,\"ax\",@progbits,unique,7", Section(".a", '"ax", @progbits, unique, 7', "ax")),
        (".pushsection .a, 3, \"ax\"", Section(".a", '"ax"', "ax", "", "3")),
        (".pushsection .a, \"ax\"", Section(".a", '"ax"', "ax")),
        (".section \"a,b\",\"ax\"", Section('"a,b"', '"ax"', "ax")),
        (".section .text.f", Section(".text.f", "", "ax")),
        (".section .rodata.str", Section(".rodata.str", "", "a")),
        (".section .data.rel.ro", Section(".data.rel.ro", "", "aw")),
    ],
)  # fmt: skip
def test_what_a_directive_says(directive: str, expected: Section) -> None:
    tracker = SectionTracker()
    tracker.directive(directive)
    assert tracker.current == expected


def test_flags_are_those_that_gas_gives() -> None:
    for name in (".text.f", ".init", ".fini", ".init.text", ".fini.x", ".data.x", ".bss.x", ".rodata.x", ".whatever"):
        tracker = SectionTracker()
        tracker.directive(f".section {name}")
        content = assemble(f".section {name}\n.skip 4\n")
        assert content is not None
        assert tracker.current is not None
        assert sorted(tracker.current.flags) == sorted(sections(content)[name][0]), name


def test_a_section_named_again_has_the_flags_it_had() -> None:
    tracker = SectionTracker()
    for directive in ('.section .a,"ax"', ".text", ".section .a"):
        tracker.directive(directive)
    assert tracker.current == Section(".a", "", "ax")


def test_what_cannot_be_followed() -> None:
    tracker = SectionTracker()
    tracker.directive(".struct 8")
    assert tracker.current is None
    tracker.directive(".previous")
    assert tracker.current == Section(".text", "", "ax")
    tracker.lose()
    assert tracker.current is None


@pytest.mark.parametrize(
    "directive",
    [
        ".text", ".text 3", ".section .a,\"ax\",@progbits", ".section .a,\"axG\",@progbits,sig,comdat",
        ".section \"a b\",\"ax\"",
        ".section .a,\"ax\",@progbits,unique,7", ".section .a,\"aMSG\",@progbits,1,sig,comdat",
        ".pushsection .a, 2, \"ax\"",
    ],
)  # fmt: skip
def test_a_reference_leads_to_the_same_section(directive: str) -> None:
    tracker = SectionTracker()
    tracker.directive(directive)
    section = tracker.current
    assert section is not None
    one = assemble(
        f"{directive}\n.byte 1\n.data\n.pushsection {section.reference(1)}\n.byte 2, 3\n.popsection\n.byte 4\n"
    )
    assert one is not None
    made = sections(one)
    assert made[section.name.strip('"')][1] == 3
    assert made[".data"][1] == 1
