"""What a recording kernel printed becomes a profile: names of sites and targets, and what has none is others."""

from __future__ import annotations

from pathlib import Path

from asmrewrite import Verdict, check, rewrite
from asmrewrite.profile import Calls, Place, Target
from asmrewrite.verify.image import Image
from conformance.kernel import calls
from tests.building import IDENT, assemble, must, options

NOTE = "\t# 8\t[c=9 l=5]  *call_value\n"
LISTING = f"""\
	.file	"x.c"
	.text
	.type	local, @function
local:
	call	__x86_indirect_thunk_rax{NOTE}	call	__x86_indirect_thunk_rbx{NOTE}	ret
	.size	local, .-local
	.globl	__relpoline_target_x_c__local
	.hidden	__relpoline_target_x_c__local
	.set	__relpoline_target_x_c__local, local
	.globl	global
	.type	global, @function
global:
	call	__x86_indirect_thunk_rax{NOTE}	ret
	.size	global, .-global
	.section	.init.text,"ax",@progbits
	.globl	early
	.type	early, @function
early:
	ret
	.size	early, .-early
	.globl	__x86_indirect_thunk_rax, __x86_indirect_thunk_rbx
__x86_indirect_thunk_rax:
	jmp	*%rax
__x86_indirect_thunk_rbx:
	jmp	*%rbx
"""


def linked(folder: Path) -> dict[str, int]:
    """vmlinux in `folder`, at a kernel's address; the symbols of it."""
    text = rewrite(LISTING + IDENT, options("abi=kernel passes=relpoline")).text
    assemble(text, folder / "x.o")
    base = "0xffffffff81000000"
    must(
        [
            "ld",
            "-e",
            "global",
            f"-Ttext={base}",
            "--section-start=.init.text=0xffffffff82000000",
            "x.o",
            "-o",
            "vmlinux",
        ],
        folder,
    )
    return {
        name: int(value, 16) for value, _, name in map(str.split, must(["nm", "vmlinux"], folder).text.splitlines())
    }


def test_names(tmp_path: Path) -> None:
    at = linked(tmp_path)
    with (tmp_path / "vmlinux").open("rb") as file:
        (table,) = (s.address for s in Image("vmlinux", file).named(".relpoline_sites"))
    # Of the bytes of each function the calls come first, five bytes each.
    lines = [
        (at["local"], at["global"], 100), (at["local"], at["local"], 40), (at["local"], at["early"], 50),
        (at["local"], at["global"] + 1, 60), (at["local"] + 5, at["local"], 7), (at["global"], at["local"], 1000),
        (at["early"], at["local"], 7),
    ]  # fmt: skip
    sites = [at["local"], at["local"] + 5, at["global"]]
    record = {site: table + 12 * number for number, site in enumerate(sites)}
    text = "".join(f"{record.get(s, s):x} {t:x} {n}\n" for s, t, n in lines)
    found = calls.profile(tmp_path / "vmlinux", text + "lost 0\n")
    local, global_ = Target("", "x.c", "local", 0), Target("", "", "global", 0)
    assert found.profile == {
        Place("", "x.c", "local", 0): Calls({global_: 100, local: 40}, 110),
        Place("", "", "global", 0): Calls({local: 1000}, 0),
    }
    assert (found.calls, found.named, found.sites) == (1264, 1140, 3)


def test_a_linked_kernel_is_checked(tmp_path: Path) -> None:
    linked(tmp_path)
    found = check(str(tmp_path / "vmlinux"))
    assert [(v.pass_, v.verdict) for v in found] == [("relpoline", Verdict.PASS)] * 3
