"""A pass of somebody else: a package with an entry point, installed beside asmrewrite. docs/passes.md shows it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.building import ASMREWRITE, IDENT, ROOT, must, run

PACKAGE = Path(__file__).parent / "data" / "third_party"
LISTING = (
    "\t.text\n\t.type\tf, @function\nf:\n\t.cfi_startproc\n\tcall\t*%rax\n\tcall\tg\n\tret\n\t.cfi_endproc\n" + IDENT
)
PROGRAM = """
#include <stdio.h>
long indirect_calls;
typedef long fn(long);
static long id(long n) { return n; }
fn *volatile p = id;
int main(void)
{
	long sum = 0;

	for (long n = 0; n < 1000; n++)
		sum += p(n);
	printf("%ld %ld\\n", sum, indirect_calls);
	return 0;
}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a user who installed the package."""
    folder = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source")
    must(["cp", "-r", f"{PACKAGE}/.", source])
    pip: list[str | Path] = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", folder, source]
    offline = run([*pip, "--no-index", "--no-build-isolation"])
    if offline.status and run(pip).status:
        pytest.skip(f"pip can build no package here: {offline.errors.strip().splitlines()[-1]}")
    return {"PYTHONPATH": str(folder)}


def test_alone(installed: dict[str, str], tmp_path: Path) -> None:
    ran = must([ASMREWRITE, "filter", "--passes=count-calls"], stdin=LISTING.encode(), env=installed)
    expected = LISTING.replace("\tcall\t*%rax", "\tincq\tindirect_calls(%rip); call\t*%rax")
    assert ran.text == expected + "\t.comm\tindirect_calls,8,8\n"


def test_with_the_project_s_own(installed: dict[str, str]) -> None:
    """Its insertion stands before relpoline's edit of the same call."""
    ran = must([ASMREWRITE, "filter", "--passes", "count-calls,relpoline"], stdin=LISTING.encode(), env=installed)
    assert re.search(
        r"^\tincq\tindirect_calls\(%rip\); \.bundle_align_mode 3; call\tf\.relpoline\.0;", ran.text, re.MULTILINE
    )
    other = must([ASMREWRITE, "filter", "--passes", "relpoline,count-calls"], stdin=LISTING.encode(), env=installed)
    assert other.text.splitlines()[:8] == ran.text.splitlines()[:8]


@pytest.mark.parametrize("syntax", ["att", "intel"])
def test_it_counts(syntax: str, installed: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "x.c").write_text(PROGRAM)
    must(["gcc", "-O2", "-fcommon", f"-masm={syntax}", "-S", "x.c"], tmp_path)
    must([ASMREWRITE, "filter", "--passes=count-calls,relpoline", "x.s", "-o", "y.s"], tmp_path, env=installed)
    must(["gcc", "-o", "x", "y.s"], tmp_path)
    assert must([tmp_path / "x"]).text == "499500 1000\n"


def test_not_installed() -> None:
    ran = run([ASMREWRITE, "filter", "--passes=count-calls"], stdin=LISTING.encode())
    assert ran.status == 2 and "no pass is named 'count-calls'; there are relpoline, static-call" in ran.errors


def test_known_when_installed(installed: dict[str, str]) -> None:
    ran = run([ASMREWRITE, "filter", "--passes=nope"], stdin=LISTING.encode(), env=installed)
    assert "there are relpoline, static-call, marker, call-ops, count-calls" in ran.errors


def test_the_documentation_shows_this_very_pass() -> None:
    page = (ROOT / "docs" / "passes.md").read_text()
    for file in ("src/count_calls.py", "pyproject.toml"):
        assert (PACKAGE / file).read_text() in page, file
