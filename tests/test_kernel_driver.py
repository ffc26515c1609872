"""The compiler that keeps listings, with which `make kernel` builds variants that differ in our options alone."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from asmrewrite import Verdict, check
from conformance.kernel import cc, tree
from tests.building import GCC, must
from tests.kernel_listings import FLAGS, SOURCE

CC = [sys.executable, str(Path(cc.__file__))]


def compiled(folder: Path, *more: str, flags: str = "passes=relpoline,static-call") -> list[str]:
    """Compile x.c to x.o as kbuild does, and return the depfile's words."""
    environment = {cc.LISTINGS: str(folder / "store"), "ASMREWRITE_FLAGS": flags}
    must([*CC, *FLAGS.split(), *more, "-Wp,-MMD,x.d", "-c", "-o", "x.o", "x.c"], folder, env=environment)
    made = (folder / "x.d").read_text().split()
    (folder / "x.d").unlink()
    return made


def test_a_kept_listing_serves_for_other_options(tmp_path: Path) -> None:
    """The same words, no compiler; the object is that of the wrapper, with the options of the second call."""
    (tmp_path / "x.c").write_text(SOURCE)
    cc.saver(tmp_path / "store")
    first = compiled(tmp_path, flags="passes=relpoline,static-call slow=record")
    assert {v.slow for v in check(str(tmp_path / "x.o")) if v.pass_ == "relpoline"} == {"record"}
    (tmp_path / "x.c").write_text("#error gcc is not to see this\n")
    assert compiled(tmp_path) == first == ["x.o:", "x.c"]
    kept = (tmp_path / "x.o").read_bytes()
    assert all(v.verdict is Verdict.PASS and v.slow != "record" for v in check(str(tmp_path / "x.o")))
    (tmp_path / "x.c").write_text(SOURCE)
    flags = {"ASMREWRITE_FLAGS": "passes=relpoline,static-call"}
    must([GCC, *FLAGS.split(), "-c", "-o", "x.o", "x.c"], tmp_path, env=flags)
    assert (tmp_path / "x.o").read_bytes() == kept
    assert cc.kept(tmp_path.parent, "x.o") == "" and "call" in kept_text(tmp_path)


def kept_text(folder: Path) -> str:
    """The listing in the store."""
    (folder / "store").rename(folder / "listings-1")
    return cc.kept(folder, "x.o")


def test_other_words_are_compiled_again(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text(SOURCE)
    cc.saver(tmp_path / "store")
    compiled(tmp_path)
    (tmp_path / "x.c").write_text(SOURCE.replace("calls", "others"))
    compiled(tmp_path, "-DMORE")
    assert {v.function for v in check(str(tmp_path / "x.o"))} == {"others", "tail"}


def test_what_is_beside_the_kernel_is_gccs(tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text("int x;\n")
    (tmp_path / "x.S").write_text("f:\tcall __SCT__event\n")
    environment = {cc.LISTINGS: str(tmp_path / "none")}
    must([*CC, "-c", "-o", "x.o", "x.c"], tmp_path, env=environment)
    must([*CC, "--version"], tmp_path, env=environment)
    must([*CC, "-D__KERNEL__", "-D__ASSEMBLY__", "-fno-PIE", "-c", "-o", "s.o", "x.S"], tmp_path, env=environment)
    assert [v.pass_ for v in check(str(tmp_path / "s.o"))] == ["static-call"]
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("before", ["", "$ make olddefconfig\n.config:7:warning: override\n"])
def test_a_word_of_the_build_is_heard(before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """objtool ends with 0 after a warning; what kconfig says is no warning of the build."""
    monkeypatch.setenv(tree.WORK_VARIABLE, str(tmp_path))
    log = tmp_path / "static.log"
    made = tree.Tree(tree.VARIANTS["static"])
    for said in ("", "fs/open.o: warning: objtool: x\n"):
        log.write_text(f"{before}$ make -j2\nmake[1]: Entering directory\n{said}\n")
        assert made.words() == said.strip()
