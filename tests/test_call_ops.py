"""The pass call-ops: which functions get a site and where it stands, and what the checker says of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from asmrewrite import OptionError, SkipReason, Verdict, check, rewrite
from asmrewrite.stubs import abi
from asmrewrite.syntax.operand import REGISTERS
from asmrewrite.verify.translation import validate
from tests.building import (
    BIN,
    GCC,
    GXX,
    PROGRAMS,
    ROOT,
    assemble,
    instructions,
    must,
    needs_clang,
    needs_gxx,
    options,
    relocations,
    section_bytes,
)
from tests.mutations import TRACED, flips, harmless, noticed, read

OURS = "-fplugin-arg-asmrewrite-"
ALL = "passes=relpoline,static-call,call-ops"
ASMREWRITE = str(BIN / "asmrewrite")
IDENT = '\t.ident\t"GCC: (Debian 12.2.0-14+deb12u1) 12.2.0"\n'
SITE = bytes.fromhex("0f1f440000")
FLAGS = [
    "-O0 -g", "-O2 -g", "-O3", "-Os -masm=intel", "-O2 -fcf-protection=branch -g", "-Os -fcf-protection=branch -g",
    "-O2 -pg -mfentry -g", "-O2 -pg", "-O2 -fpatchable-function-entry=7 -g", "-O2 -fpatchable-function-entry=7,2",
    "-O2 -ffunction-sections -fno-plt -fPIC -g", "-O2 -fno-asynchronous-unwind-tables",
]  # fmt: skip
LAYOUTS = ["ops-layout=array", "ops-layout=literal", "ops-layout=array align=p2align bundle=6"]


def function(name: str, body: str = "\tret\n", before: str = "") -> str:
    """A function as gcc prints it."""
    head = f"{before}\t.type\t{name}, @function\n{name}:\n\t.cfi_startproc\n"
    return f"{head}{body}\t.cfi_endproc\n\t.size\t{name}, .-{name}\n"


def traced(text: str, flags: str = "") -> tuple[list[str], list[str]]:
    """The functions that got a site, and the reasons of the others."""
    done = rewrite(text + IDENT, options(f"passes=call-ops {flags}"))
    return [site.function for site in done.sites], [skip.reason.value for skip in done.skips]


# ---- which functions --------------------------------------------------------------------------------


def test_every_function_of_compiled_code() -> None:
    text = "\t.text\n" + "".join(map(function, ("f", "f.part.0", "g.isra.0", "f.constprop.1")))
    assert traced(text) == (["f", "f.part.0", "g.isra.0", "f.constprop.1"], [])


@pytest.mark.parametrize(
    ("text", "flags", "reason"),
    [
        (function("f.cold", before="\t.type\tf, @function\n"), "", "cold-part"),
        (function("__x86_indirect_thunk_rax"), "", "thunk"),
        (function("f.relpoline.3"), "", "thunk"),
        (function("__SCT__x"), "", "thunk"),
        (function("f", "#APP\n\tret\n#NO_APP\n"), "", "inline-asm"),
        (function("f", "\tendbr64\n#APP\n\tret\n#NO_APP\n"), "", "inline-asm"),
        (f"#APP\n{function('f')}#NO_APP\n", "", "inline-asm"),
        (function("f", ""), "", "entry"),
        (function("f", "\t.byte 0x90\n\tret\n"), "", "entry"),
        (function("f").replace("\t.cfi_startproc\n", "\tnop\n\t.cfi_startproc\n"), "", "entry"),
        (function("f", "\tnop\n\tnop\n\tret\n"), "", "patchable-entry"),
        (function("f", "1:\tcall\t__fentry__\n\t.section __mcount_loc\n\t.quad 1b\n\t.previous\n"), "", "profiling"),
        (function("f", "1:\t.byte\t0x0f, 0x1f, 0x44, 0x00, 0x00\n\tret\n"), "", "profiling"),
        (function("f"), "skip-functions=f", "function-excluded"),
        (function("f"), "functions=g", "function-excluded"),
        (function("f"), "ops-min-size=2", "too-small"),
        (function("f"), "ops-sections=.text.hot", "section-excluded"),
        (f"\t.if 1\n{function('f')}\t.endif\n", "", "conditional"),
        (f"\t.data\n{function('f')}", "", "unknown-section"),
        (f"#APP\n\t# asmrewrite: skip-file call-ops\n#NO_APP\n{function('f')}", "", "file-opted-out"),
    ],
)  # fmt: skip
def test_what_is_left_alone(text: str, flags: str, reason: str) -> None:
    if "__fentry__" in text:
        text += "\t.type\tq, @function\n"
    assert traced(f"\t.text\n{text}", flags) == ([], [reason])


def test_hand_written_code_is_asked_for() -> None:
    done = rewrite(f"\t.text\n{function('f')}", options("passes=call-ops"))
    assert [skip.reason for skip in done.skips] == [SkipReason.HAND_WRITTEN]
    assert len(rewrite(f"\t.text\n{function('f')}", options("passes=call-ops inline-asm=on")).sites) == 1


def test_inline_assembly_at_the_beginning_is_asked_for() -> None:
    text = function("f", '#APP\n# 3 "x.c" 1\n\tnop; ret\n# 0 "" 2\n#NO_APP\n')
    assert traced(text.replace("nop", "cld"), "inline-asm=on") == (["f"], [])


def test_the_size_is_counted_in_instructions() -> None:
    assert traced(function("f", "\tincl\t%eax\n\tret\n"), "ops-min-size=2") == (["f"], [])


def test_no_instrument_function_with_fentry(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text(
        "#include <asmrewrite/optout.h>\nint f(int x) { return x; }\n"
        "__attribute__((no_instrument_function)) int g(int x) { return x + 1; }\n"
        "int h(int x) { ASMREWRITE_NO_OPS; return x + 2; }\n"
    )
    for flags, wanted in (("-pg -mfentry", ["f"]), ("", ["f", "g"])):
        words = [GCC, "-O2", f"-I{ROOT}/asmrewrite/include", f"{OURS}passes=call-ops", *flags.split()]
        must([*words, "-c", "x.c", "-o", "x.o"], tmp_path)
        assert sorted(v.function for v in check(str(tmp_path / "x.o"))) == wanted


def test_the_kernel_has_its_own() -> None:
    with pytest.raises(OptionError, match="ftrace"):
        rewrite(function("f"), options("passes=call-ops abi=kernel"))


# ---- the bytes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", range(8))
@pytest.mark.parametrize("endbr", ["", "\tendbr64\n"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_site_lies_in_its_word_wherever_the_function_is(offset: int, endbr: str, layout: str, tmp_path: Path) -> None:
    """And padding is nops that the function runs through, or stands before it."""
    text = f"\t.text\n\t.skip {offset}, 0xcc\n\tint3\n{function('f', endbr + chr(9) + 'incl %eax' + chr(10))}{IDENT}"
    made = assemble(rewrite(text, options(f"passes=call-ops {layout}")).text, tmp_path / "x.o")
    code = section_bytes(made, ".text")
    (verdict,) = check(str(made))
    assert (verdict.verdict, verdict.function) == (Verdict.PASS, "f"), verdict
    assert code[verdict.offset : verdict.offset + 5] == SITE
    assert verdict.offset % 8 <= 3
    before = code[verdict.offset - verdict.distance : verdict.offset].removeprefix(b"\xf3\x0f\x1e\xfa")
    assert len(before) <= 4
    if not endbr:
        assert not before, "the line table's first row would not be the function's"
    if "literal" in layout:
        start = verdict.offset - verdict.distance
        assert start % 8 == 0
        assert code[start - 8 : start] == bytes(8)


@pytest.mark.parametrize("alignment", [3, 4, 5, 6])
def test_a_literal_keeps_the_alignment(alignment: int, tmp_path: Path) -> None:
    text = f"\t.text\n\tret\n{function('f', before=f'{chr(9)}.p2align {alignment}{chr(10)}')}{IDENT}"
    made = assemble(rewrite(text, options("passes=call-ops ops-layout=literal")).text, tmp_path / "x.o")
    (verdict,) = check(str(made))
    assert verdict.offset % (1 << alignment) == 0


@pytest.mark.parametrize("above", ["\tincl\t%eax\n", "\tnop\n", "alias:\n", "\tret; nop\n", "\tjne\tg\n", "other: "])
def test_a_literal_is_not_run_into(above: str, tmp_path: Path) -> None:
    """Nor named: neither by the pass, nor unnoticed by the checker."""
    text = "\t.text\n" + function("f", before=above)
    if above.endswith(" "):
        text = "\t.text\n" + function("f").replace("f:", above + "f:")
    assert traced(text, "ops-layout=literal") == ([], ["entry"])
    assert traced(text) == (["f"], [])
    alone = rewrite(f"\t.text\n{function('f')}{IDENT}", options("passes=call-ops ops-layout=literal")).text
    made = alone.replace("\t.text\n", f"\t.text\n{above}" + "\n" * above.endswith(" "), 1)
    if not above.endswith("nop\n"):  # which may be padding
        assert objections(assemble(text + IDENT, tmp_path / "a.o"), assemble(made, tmp_path / "b.o")) != []


@pytest.mark.parametrize(
    "above",
    [
        "\tret\n",
        "\tjmp g\n",
        ".LHOTE0:\n",
        "#APP\nhook: ret\n\n#NO_APP\n",
        "\tcall abort\n.LVL3:\n.LFE1:\n",
        '\t.section .text.g, "ax"\n',
        function("g"),
    ],
)
def test_a_literal_behind_an_end(above: str, tmp_path: Path) -> None:
    text = f"\t.text\n{function('f', before=above)}{IDENT}"
    done = rewrite(text, options("passes=call-ops ops-layout=literal"))
    assert done.sites[-1].function == "f"
    assert objections(assemble(text, tmp_path / "a.o"), assemble(done.text, tmp_path / "b.o")) == []


def test_the_record(tmp_path: Path) -> None:
    made = assemble(rewrite(function("f") + IDENT, options("passes=call-ops bundle=6")).text, tmp_path / "x.o")
    record = abi.Record.unpack(section_bytes(made, "asmrewrite_sites"), 0)
    assert record[3:] == (4, 3, 255, 0, 3, 0, 1, 0)
    assert len(relocations(made, "asmrewrite_sites")) == 2


def test_a_table_of_patchable_entries_names_the_site(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text("int f(int x) { return x; }\nint g(int x) { return f(x) + 1; }\n")
    for flags in ("-O2", "-O0", "-O0 -fcf-protection=branch"):
        must([GCC, *flags.split(), "-fpatchable-function-entry=6", f"{OURS}passes=call-ops", "-c", "x.c"], tmp_path)
        named = {r.addend for r in relocations(tmp_path / "x.o", "__patchable_function_entries")}
        assert named == {v.offset for v in check(str(tmp_path / "x.o"))} and len(named) == 2
        code = section_bytes(tmp_path / "x.o", ".text")
        assert all(code[place : place + 6] == SITE + b"\x90" for place in named)


def test_the_first_row_of_the_line_table_is_at_the_function(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text(
        "int f(int x)\n{ return x; }\nint g(int x)\n{ return f(x) + 1; }\nint h(void)\n{ return 1; }\n"
    )
    must([GCC, "-O0", "-g", f"{OURS}passes=call-ops", "-c", "x.c"], tmp_path)
    lines = must(["readelf", "--debug-dump=decodedline", tmp_path / "x.o"]).text
    rows = {int(line): int(place, 0) for line, place in reversed(re.findall(r"^x\.c +(\d+) +(0x\w+|0)", lines, re.M))}
    assert {rows[2], rows[4], rows[6]} == {v.offset for v in check(str(tmp_path / "x.o"))}


# ---- nothing else differs ---------------------------------------------------------------------------


def objections(original: Path, new: Path) -> list[str]:
    """What is not PASS, in words."""
    found = validate(str(original), str(new))
    return [str(v) for v in found.sites if v.verdict is not Verdict.PASS] + [
        str(v) for v in found.sections if v.verdict is not Verdict.PASS
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("flags", FLAGS)
def test_c_and_its_twin(flags: str, layout: str, tmp_path: Path) -> None:
    source = ROOT / "asmrewrite" / "demo" / "expr.c"
    must(["gcc", "-S", "-dp", *flags.split(), source, "-o", tmp_path / "x.s"])
    text = (tmp_path / "x.s").read_text("latin-1")
    done = rewrite(text, options(f"{ALL} {layout}"))
    assert sum(site.pass_ == "call-ops" for site in done.sites) > 5 or ",2" in flags
    original, new = assemble(text, tmp_path / "a.o"), assemble(done.text, tmp_path / "b.o")
    assert objections(original, new) == []
    assert not rewrite(done.text, options(f"{ALL} {layout}")).changed


@needs_gxx
@pytest.mark.parametrize("flags", ["-O0 -g", f"-O2 {OURS}ops-layout=literal"])
def test_cxx_passes(flags: str, tmp_path: Path) -> None:
    words = [f"{OURS}{ALL}", f"{OURS}check=full", *flags.split()]
    must([GXX, *words, "-c", PROGRAMS / "exceptions_lib.cpp", "-o", tmp_path / "x.o"])
    assert sum(v.pass_ == "call-ops" for v in check(str(tmp_path / "x.o"))) > 3


@needs_clang
@pytest.mark.parametrize("flags", ["-O0 -g", "-O2 -g", "-O2 -fcf-protection=branch"])
def test_clang_passes(flags: str, tmp_path: Path) -> None:
    words = [ASMREWRITE, "cc", "clang-14", f"{OURS}{ALL}", f"{OURS}check=full", *flags.split()]
    must([*words, "-c", ROOT / "asmrewrite" / "demo" / "expr.c", "-o", tmp_path / "x.o"])
    assert sum(v.pass_ == "call-ops" for v in check(str(tmp_path / "x.o"))) > 5


def test_the_audit_sees_nothing_new(tmp_path: Path) -> None:
    source = ROOT / "asmrewrite" / "demo" / "expr.c"
    found = []
    for words in (["gcc"], [GCC, f"{OURS}passes=call-ops"]):
        must([*words, "-O2", "-c", source, "-o", tmp_path / "x.o"])
        (audit,) = json.loads(must([ASMREWRITE, "audit", "--json", tmp_path / "x.o"]).text)["files"]
        found.append((audit["summary"], [(b["function"], b["kind"], b["why"]) for b in audit["branches"]]))
    assert found[0] == found[1]
    assert found[0][1]


# ---- what the checker objects to ---------------------------------------------------------------------


PLAIN_BODY, PUSH_BODY = "\tincl\t%ecx\n\tret\n", "\tpushq\t%rbx\n\tpopq\t%rbx\n\tret\n"


@pytest.mark.parametrize(
    ("body", "before", "after", "words"),
    [
        (PLAIN_BODY, "{disp8} nopl\t(%rax,%rax)", ".byte 0x0f,0x1f,0x40,0x00,0x90", "there is no nop"),
        (PLAIN_BODY, "entry_0-.", "entry_0+1-.", "no function begins"),
        (PLAIN_BODY, "entry_0-.", "ops_0-.", "no function begins"),
        (PLAIN_BODY, ".bundle_align_mode 3; ", "incl %eax; .bundle_align_mode 3; ", "stands between"),
        (PLAIN_BODY, ".quad 0", ".quad 7", "not empty"),
        (PLAIN_BODY, "cell_0-.", "cell_0-8-.", "the literal is not"),
        (PLAIN_BODY, "4, 3, 255", "4, 0, 255", "there is no call"),
        (PLAIN_BODY, "4, 3, 255", "4, 4, 255", "there is no push"),
        (PLAIN_BODY, "4, 3, 255", "4, 3, 3", "register 3"),
        (PLAIN_BODY, "4, 3, 255, 0, 3", "4, 3, 255, 0, 4", "is aligned to 8"),
        (PUSH_BODY, "cs; cs; cs; cs; pushq", "cs; cs; cs; nop; pushq", "there is no push"),
        (PUSH_BODY, "cs; cs; cs; cs; pushq", "cs; cs; cs; fs; pushq", "there is no push"),
        (PUSH_BODY, "cs; cs; cs; cs; pushq", "cs; cs; cs; cs; popq", "there is no push"),
        (PUSH_BODY, "cs; pushq\t%rbx", "cs; pushq\t%rsp", "there is no push"),
        (PUSH_BODY, ".bundle_align_mode 3; ", "incl %eax; .bundle_align_mode 3; ", "stands between"),
        (PUSH_BODY, "4, 4, 3", "4, 4, 5", "register 5"),
        (PUSH_BODY, "4, 4, 3", "4, 4, 255", "register 255"),
        (PUSH_BODY, "4, 4, 3", "4, 3, 255", "there is no nop"),
    ],
)
def test_a_wrong_site_fails(body: str, before: str, after: str, words: str, tmp_path: Path) -> None:
    done = rewrite(function("f", body) + IDENT, options("passes=call-ops ops-layout=literal")).text
    assert before in done
    (verdict,) = check(str(assemble(done.replace(before, after, 1), tmp_path / "x.o")))
    assert verdict.verdict is Verdict.FAIL
    assert words in verdict.reason


@pytest.mark.parametrize(
    ("body", "before", "after"),
    [
        (PLAIN_BODY, ".byte\t4, 3, 255, 0, 3, 0", ".byte\t4, 3, 255, 0, 3, 1"),
        (PLAIN_BODY, ".byte\t4, 3, 255, 0, 3, 0", ".byte\t4, 3, 254, 0, 3, 0"),
        (PLAIN_BODY, ".byte\t4, 3, 255, 0, 3, 0", ".byte\t4, 3, 255, 1, 3, 0"),
        (PLAIN_BODY, "\tret", "\tnop; nop; ret"),
        (PLAIN_BODY, "; incl", "; nop; nop; incl"),
        (PLAIN_BODY, "; incl", "; {disp8} nopl (%rax,%rax); incl"),
        (PLAIN_BODY, ".Lasmrewrite_entry_1:", ".byte 0xcc; .Lasmrewrite_entry_1:"),
        (PUSH_BODY, ".byte\t4, 4, 3, 0, 3, 0", ".byte\t4, 4, 3, 0, 3, 1"),
        (PUSH_BODY, ".byte\t4, 4, 3, 0, 3, 0", ".byte\t4, 4, 3, 1, 3, 0"),
        (PUSH_BODY, "cs; cs; cs; cs; pushq\t%rbx", "{disp8} nopl (%rax,%rax); pushq\t%rbx"),
        (PUSH_BODY, "\tpopq", "\tpushq\t%rbx; popq"),
        (PUSH_BODY, "\tpopq", "\tnop; nop; popq"),
        # Both say that it is %rsi.
        (PUSH_BODY, "pushq\t%rbx|4, 4, 3, 0", "pushq\t%rsi|4, 4, 6, 0"),
        (PUSH_BODY, "cs; pushq\t%rbx|4, 4, 3, 0", "pushq\t%r11|4, 4, 11, 0"),
    ],
)
def test_another_difference_fails(body: str, before: str, after: str, tmp_path: Path) -> None:
    text = function("f", body) + function("g", body, "\t.p2align 4\n") + IDENT
    done = rewrite(text, options("passes=call-ops")).text
    original = assemble(text, tmp_path / "a.o")
    assert objections(original, assemble(done, tmp_path / "b.o")) == []
    for this, that in zip(before.split("|"), after.split("|"), strict=True):
        assert this in done
        done = done.replace(this, that, 1)
    changed = assemble(done, tmp_path / "c.o")
    assert objections(original, changed) != [], instructions(changed)


def test_a_push_is_the_site(tmp_path: Path) -> None:
    """With every register that can be pushed, in both syntaxes, and behind endbr64; not one that something leads to."""
    for number, register in enumerate(REGISTERS):
        for before, push in (("", f"pushq\t%{register}"), ("\tendbr64\n\t.loc 1 1 1\n", f"push\t%{register}  # why")):
            text = f'\t.file 1 "x.c"\n{function("f", f"{before}{chr(9)}{push}{chr(10)}{chr(9)}ret{chr(10)}")}{IDENT}'
            done = rewrite(text, options("passes=call-ops"))
            assert [site.form for site in done.sites] == ["nop" if register == "rsp" else "push"]
            new = assemble(done.text, tmp_path / "b.o")
            assert objections(assemble(text, tmp_path / "a.o"), new) == []
            (verdict,) = check(str(new))
            code = section_bytes(new, ".text")[verdict.offset :]
            plain = bytes([0x41] * (number > 7) + [0x50 + number % 8])
            assert code.startswith(SITE + plain if register == "rsp" else plain.rjust(5, b"\x2e"))
            assert not rewrite(done.text, options("passes=call-ops")).changed
    intel = f"\t.intel_syntax noprefix\n{function('f', f'{chr(9)}push{chr(9)}r12{chr(10)}{chr(9)}ret{chr(10)}')}{IDENT}"
    done = rewrite(intel, options("passes=call-ops"))
    assert [site.form for site in done.sites] == ["push"]
    assert objections(assemble(intel, tmp_path / "a.o"), assemble(done.text, tmp_path / "b.o")) == []


@pytest.mark.parametrize(
    "push",
    [".L4:\n\tpushq\t%rbx", "pushw\t%bx", "pushq\t(%rbx)", "pushq\t$3", "pushq\t%fs", "pushq\t%rbx; ret", "push\trbx"],
)
def test_another_push_is_none(push: str, tmp_path: Path) -> None:
    text = function("f", f"{'' if push[0] == '.' else chr(9)}{push}\n\tret\n") + IDENT
    done = rewrite(text, options("passes=call-ops"))
    assert [site.form for site in done.sites] == ["nop"]
    assert objections(assemble(text, tmp_path / "a.o"), assemble(done.text, tmp_path / "b.o")) == []


def test_a_value_is_nowhere_before_its_function(tmp_path: Path) -> None:
    """Not even in the eight bytes of its literal: each range of a list of locations begins where it did."""
    (tmp_path / "x.c").write_text(TRACED)
    must(["gcc", "-Os", "-g", "-c", "x.c", "-o", "a.o"], tmp_path)
    must([GCC, "-Os", "-g", f"{OURS}passes=call-ops", f"{OURS}ops-layout=literal", "-c", "x.c", "-o", "b.o"], tmp_path)
    original, new = (tmp_path / "a.o").read_bytes(), read((tmp_path / "b.o").read_bytes())
    lists = new.named(".debug_loclists")
    assert not noticed(original, new.data)
    for place, _, mutated in flips(new, lists.start, lists.size, (3,)):
        known = noticed(original, mutated) or harmless(new, new.parts.index(lists), place, mutated, 0)
        assert known, f"{place:#x}"


def test_only_a_call_of_fentry_may_go(tmp_path: Path) -> None:
    text = function("f", "1:\tcall\t__fentry__\n\tret\n") + IDENT
    done = rewrite(text, options("passes=call-ops")).text
    new = assemble(done, tmp_path / "b.o")
    assert objections(assemble(text, tmp_path / "a.o"), new) == []
    assert objections(assemble(text.replace("__fentry__", "other"), tmp_path / "c.o"), new) != []
