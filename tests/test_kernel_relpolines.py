"""abi=kernel: relpolines through the kernel's thunks, chains of a profile, and their checks."""

from __future__ import annotations

from pathlib import Path

import pytest

from asmrewrite import Rewritten, Verdict, check, rewrite, validate
from asmrewrite.syntax.operand import REGISTERS
from tests.building import (
    ASMREWRITE,
    GCC,
    assemble,
    instructions,
    must,
    options,
    relocations,
)
from tests.kernel_listings import ALL, FLAGS, SOURCE, function

PROFILE = """\
asmrewrite-profile 1 - merged symtab
site - calls 0
target 90 - - elsewhere 0
target 50 - x.c twice 0
target 40 - other.c hidden 0
target 30 module - exported 0
site - tail 0
target 100 - - elsewhere 0
end
"""


def site_function(result: Rewritten) -> str:
    """The function of the only site."""
    (site,) = result.sites
    return site.function


def rewritten(folder: Path, flags: str, source: str = SOURCE) -> str:
    """The listing of `source` as the kernel's, rewritten; x.o is its object and plain.o that of the original."""
    (folder / "x.c").write_text(source)
    must(["gcc", *FLAGS.split(), "-dp", "-S", "x.c"], folder)
    text = (folder / "x.s").read_text()
    assemble(text, folder / "plain.o")
    made = rewrite(text, options(f"abi=kernel passes=relpoline,static-call {flags}")).text
    assemble(made, folder / "x.o")
    return made


@pytest.mark.parametrize("flags", ["", f"tables={ALL}", "slow=record tables=retpoline", "profile", "targets=1 profile"])
def test_every_shape_is_proven(flags: str, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(PROFILE)
    made = rewritten(tmp_path, flags.replace("profile", f"profile={tmp_path / 'p'}"))
    proof = validate(str(tmp_path / "plain.o"), str(tmp_path / "x.o"))
    assert [str(v) for v in proof.sites if v.reason] + [str(v) for v in proof.sections if v.reason] == []
    assert [v.form for v in proof.sites if v.pass_ == "relpoline"] == ["call", "call", "jmp"]
    assert "asmrewrite_sites" not in made and "asmrewrite_slots" not in made
    again = rewrite(made, options("abi=kernel passes=relpoline,static-call"))
    assert not again.changed


def test_a_chain_of_a_profile(tmp_path: Path) -> None:
    """Immediate compares, most frequent first; a local function of another file by its alias; no other module's."""
    (tmp_path / "p").write_text(PROFILE)
    rewritten(tmp_path, f"profile={tmp_path / 'p'} tables=retpoline")
    listing = must(["objdump", "-dr", "-w", tmp_path / "x.o"]).text
    body = listing[listing.index("<calls.relpoline.0>:") :].split("int3")[0]
    words = [w for line in body.splitlines() for w in ("cmp", "je", "jmp", "R_X86_64_32S") if w in line]
    assert words == ["cmp", "R_X86_64_32S", "je"] * 3 + ["jmp"]
    assert body.count("elsewhere") == 2 and "exported" not in body
    assert body.count("__relpoline_target_other_c__hidden") == 2
    (untrained,) = [v for v in check(str(tmp_path / "x.o")) if v.pass_ == "relpoline" and not v.chain]
    assert untrained.target.startswith("__x86_indirect_thunk_")
    # Each way to a thunk is the kernel's to patch: two jumps of stubs and a call.
    assert len(relocations(tmp_path / "x.o", ".retpoline_sites")) == 3


OTHER = """\
typedef long fn(long);
static long hidden(long n) { return n * 3; }
static long unwanted(long n) { return n * 5; }
static long __attribute__((section(".init.text"))) early(long n) { return n * 7; }
long exists(long n) { asm(".macro m\\n.endm\\nm\\n.purgem m"); return n; }
fn *other_addresses[] = {hidden, unwanted, early};
"""
EARLY = "site x.c f 0\ntarget 90 - other.c early 0\ntarget 90 - third.c unwanted 0\nend\n"


@pytest.mark.parametrize("tool", ["wrapper", "folder"])
def test_a_local_function_of_another_file(tool: str, tmp_path: Path) -> None:
    """The profile is read on both sides: the target's file, without a site and with macros, defines its alias."""
    profile = tmp_path / "p"
    profile.write_text(PROFILE.replace("end\n", EARLY))
    rewritten(tmp_path, f"profile={profile} tables=retpoline")
    (tmp_path / "other.c").write_text(OTHER)
    (tmp_path / "more.c").write_text(OTHER)
    place = must([ASMREWRITE, "--kernel-as-dir"]).text.strip()
    compiler = [GCC] if tool == "wrapper" else ["gcc", f"-B{place}", "-dp"]
    environment = {"ASMREWRITE_FLAGS": f"passes=relpoline,static-call profile={profile}"}
    must([*compiler, *FLAGS.split(), "-c", "other.c"], tmp_path, env=environment)
    table = must(["readelf", "-sW", "other.o"], tmp_path).text
    (made,) = [line.split() for line in table.splitlines() if "__relpoline_target" in line]
    (own,) = [line.split() for line in table.splitlines() if line.endswith(" hidden")]
    # Value, size, type and section are those of the function; objtool and kallsyms know such aliases.
    assert made[1:4] == own[1:4] and made[4:6] == ["GLOBAL", "HIDDEN"] and made[6] == own[6]
    assert made[7] == "__relpoline_target_other_c__hidden"
    must(["gcc", *FLAGS.split(), "-c", "-o", "other.plain.o", "other.c"], tmp_path)
    assert validate(str(tmp_path / "other.plain.o"), str(tmp_path / "other.o")).verdict is Verdict.PASS
    names = ["elsewhere", "__SCT__event", "__x86_return_thunk", *(f"__x86_indirect_thunk_{r}" for r in REGISTERS)]
    assemble("".join(f"\t.globl\t{name}\n{name}:\tret\n" for name in names), tmp_path / "rest.o")
    must(["ld", "-e", "calls", "-Ttext=0xffffffff81000000", "x.o", "other.o", "rest.o", "-o", "vmlinux"], tmp_path)
    assert all(v.verdict is Verdict.PASS for v in check(str(tmp_path / "vmlinux")))
    # Not for what no profile names, in no file of another name, and not for what is freed when the kernel runs.
    environment = {"ASMREWRITE_FLAGS": f"passes=relpoline,static-call profile={profile}"}
    must([*compiler, *FLAGS.split(), "-c", "more.c"], tmp_path, env=environment)
    must([*compiler, *FLAGS.split(), "-DMODULE", "-c", "-o", "module.o", "other.c"], tmp_path, env=environment)
    for name in ("more.o", "module.o"):
        assert "__relpoline_target" not in must(["readelf", "-sW", name], tmp_path).text


def test_another_file_of_the_same_name_misses_nothing(tmp_path: Path) -> None:
    """gcc names no folder: what the profile says of fs/x.c is not gone when net/x.c lacks it."""
    (tmp_path / "p").write_text(PROFILE.replace("end\n", "site x.c else 0\ntarget 90 - - elsewhere 0\nend\n"))
    (tmp_path / "x.c").write_text(SOURCE)
    must(["gcc", *FLAGS.split(), "-dp", "-S", "x.c"], tmp_path)
    flags = options(f"abi=kernel passes=relpoline profile={tmp_path / 'p'}")
    assert "sites gone" not in dict(rewrite((tmp_path / "x.s").read_text(), flags).notes)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (", hidden", ", unwanted"),
        (", hidden", ", hidden+1"),
        ("\t.hidden", "\t.protected"),
        ("_c__hidden", "_d__hidden"),
    ],
)
def test_a_wrong_alias_fails(old: str, new: str, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(PROFILE)
    (tmp_path / "other.c").write_text(OTHER)
    must(["gcc", *FLAGS.split(), "-S", "other.c"], tmp_path)
    text = (tmp_path / "other.s").read_text()
    made = rewrite(text, options(f"abi=kernel passes=relpoline profile={tmp_path / 'p'}")).text
    plain = assemble(text, tmp_path / "plain.o")
    assert validate(str(plain), str(assemble(made, tmp_path / "x.o"))).verdict is Verdict.PASS
    changed = text + made[len(text) :].replace(old, new)
    assert changed != made
    assert validate(str(plain), str(assemble(changed, tmp_path / "bad.o"))).verdict is Verdict.FAIL


def test_an_alias_is_made_once(tmp_path: Path) -> None:
    (tmp_path / "p").write_text(PROFILE)
    (tmp_path / "other.c").write_text(OTHER)
    must(["gcc", *FLAGS.split(), "-dp", "-S", "other.c"], tmp_path)
    flags = options(f"abi=kernel passes=relpoline,static-call profile={tmp_path / 'p'}")
    once = rewrite((tmp_path / "other.s").read_text(), flags)
    assert once.changed and dict(once.notes) == {"aliases made": 1}
    assert not rewrite(once.text, flags).changed


def test_a_wrong_stub_fails(tmp_path: Path) -> None:
    (tmp_path / "p").write_text(PROFILE)
    made = rewritten(tmp_path, f"profile={tmp_path / 'p'}")
    for old, new in (
        ("je\telsewhere", "je\telsewhere+1"), ("cmpq\t$elsewhere", "cmpq\t$other"), ("{disp32} je", "{disp32} jne"),
        ("jmp\t__x86_indirect_thunk_r", "jmp\t__x86_indirect_thunk_x"), ("\tint3\n", "\tnop\n"),
        ("\t.byte\t0, 0, 2, 1", "\t.byte\t0, 0, 1, 1"),
    ):  # fmt: skip
        changed = made.replace("\t.byte\t3, 0, 2, 1", "\t.byte\t0, 0, 2, 1") if "byte" in old else made
        if old not in changed:
            assert "byte" in old  # gcc chose another register
            continue
        verdicts = check(str(assemble(changed.replace(old, new, 1), tmp_path / "bad.o")))
        assert any(v.verdict is Verdict.FAIL for v in verdicts), old


def test_a_high_register_keeps_its_prefix(tmp_path: Path) -> None:
    """`cs call thunk` is 6 bytes, so that a REX indirect branch, or lfence and one, has its room."""
    (tmp_path / "p").write_text("asmrewrite-profile 1 - merged symtab\nsite - f 1\ntarget 90 - - g 0\nend\n")
    note = "\t# 8\t[c=9 l=6]  *call_value\n"
    body = f"\tcs\n\tcall\t__x86_indirect_thunk_r13{note}\tcs\n\tcall\t__x86_indirect_thunk_r8{note}"
    text = rewrite(
        function(body), options(f"abi=kernel passes=relpoline tables=retpoline profile={tmp_path / 'p'}")
    ).text
    made = assemble(text, tmp_path / "x.o")
    found = [
        (raw[:2].hex(), raw[0] == 0x2E) for _, raw, words in instructions(made) if "call" in words or "jmp" in words
    ]
    assert found == [("2ee8", True), ("e805", False), ("2ee9", True)]
    assert all(v.verdict is Verdict.PASS for v in check(str(made)))
    proof = validate(str(assemble(function(body), tmp_path / "plain.o")), str(made))
    assert proof.verdict is Verdict.PASS


def test_raw_branches_and_functions_opted_out_stay() -> None:
    note = "\t# 8\t[c=9 l=5]  *call_value\n"
    body = f"\tcall\t*%rax{note}\tcall\t__x86_indirect_thunk_rax{note}"
    result = rewrite(function(body), options("abi=kernel passes=relpoline"))
    assert len(result.sites) == 1 and [s.reason.value for s in result.skips] == ["not-a-thunk"]
    assert not rewrite(function(body), options("abi=kernel passes=relpoline skip-functions=f")).sites


def test_the_stub_of_a_cold_part_is_not_called_cold() -> None:
    """objtool takes every symbol with `.cold` in its name for the cold part of the function before it."""
    note = "\t# 8\t[c=9 l=5]  *call_value\n"
    text = function("\tret\n") + f"\t.section .text.unlikely\nf.cold:\n\tcall\t__x86_indirect_thunk_rax{note}\tud2\n"
    result = rewrite(text, options("abi=kernel passes=relpoline slow=record"))
    assert [site.target for site in result.sites] == ["f_cold.relpoline.0"] and site_function(result) == "f.cold"
