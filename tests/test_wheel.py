"""The wheel: built from a copy of the tree, installed into an environment of its own, used from another folder."""

from __future__ import annotations

import shutil
import sys
import sysconfig
import venv
from pathlib import Path
from typing import NamedTuple
from zipfile import ZipFile

import pytest

from asmrewrite import check
from tests.building import IDENT, ROOT, must

#: What the wheel is made of.
PARTS = ("pyproject.toml", "README.md", "LICENSE", "asmrewrite", "grammars")
LISTING = "\t.text\n\t.type\tf, @function\nf:\n\t.cfi_startproc\n\tcall\t*%rax\n\tret\n\t.cfi_endproc\n" + IDENT
GRAMMARS = """
from asmrewrite.syntax.grammars import STARTS, folder, lark_parser
for name in STARTS:
    lark_parser(name)
print(folder())
"""


class Installed(NamedTuple):
    """The wheel, the environment it is installed into, and a folder to work in."""

    wheel: Path
    environment: Path
    work: Path

    def command(self, name: str) -> Path:
        """An installed command."""
        return self.environment / "bin" / name


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """A user's environment: what asmrewrite depends on is borrowed from the one that runs the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    tree, environment, work = folder / "tree", folder / "environment", folder / "work"
    tree.mkdir()
    work.mkdir()
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info", "_shim")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, tree / part, ignore=unwanted)
        else:
            shutil.copy(ROOT / part, tree / part)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    offline = ["-q", "--no-index", "--no-deps"]
    must([*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", folder, tree], work)
    (wheel,) = folder.glob("asmrewrite-*.whl")
    shutil.rmtree(tree)
    venv.create(environment, symlinks=True)
    python = environment / "bin" / "python"
    site = must([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).text.strip()
    borrowed = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
    Path(site, "borrowed.pth").write_text("".join(f"{path}\n" for path in borrowed), encoding="utf-8")
    must([*pip, "--python", python, "install", *offline, "--ignore-installed", wheel], work)
    return Installed(wheel, environment, work)


def test_everything_is_inside(installed: Installed) -> None:
    """All files of the package and all grammars, and nothing else."""
    files = [*(ROOT / "asmrewrite").rglob("*"), *(ROOT / "grammars").glob("*.lark")]
    names_in_tree = {path.relative_to(ROOT) for path in files if path.is_file()}
    expected = {
        str(path if path.parts[0] == "asmrewrite" else "asmrewrite" / path)
        for path in names_in_tree
        if not {"__pycache__", "_shim"} & set(path.parts)
    }
    with ZipFile(installed.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == expected
    for name in ("py.typed", "include/asmrewrite/abi.h", "demo/main.c", "grammars/listing.lark"):
        assert f"asmrewrite/{name}" in names


def test_grammars(installed: Installed) -> None:
    ran = must([installed.command("python"), "-c", GRAMMARS], installed.work)
    assert Path(ran.text.strip()).is_relative_to(installed.environment)


def test_filter(installed: Installed) -> None:
    ran = must([installed.command("asmrewrite"), "filter"], installed.work, stdin=LISTING.encode())
    assert "call\tf.relpoline.0;" in ran.text


def test_compiler(installed: Installed, tmp_path: Path) -> None:
    include = must([installed.command("asmrewrite"), "--include-dir"], tmp_path).text.strip()
    assert Path(include).is_relative_to(installed.environment)
    (tmp_path / "x.c").write_text("#include <asmrewrite/abi.h>\nlong f(long (*p)(void)) { return p() + 1; }\n")
    must([installed.command("asmrewrite-gcc"), "-O2", f"-I{include}", "-c", "x.c"], tmp_path)
    (verdict,) = check(str(tmp_path / "x.o"))
    assert (verdict.function, verdict.verdict.value) == ("f", "PASS")
    must([installed.command("asmrewrite"), "check", "x.o"], tmp_path)


def test_demo(installed: Installed) -> None:
    assert " sites PASS" in must([installed.command("asmrewrite"), "demo"], installed.work).text
