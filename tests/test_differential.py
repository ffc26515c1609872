"""What the torture suites do with one program, on programs of our own: it agrees, it differs, it is not applicable."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance import oracle
from conformance.differential import Case, Result, compare, some
from tests.building import needs_gxx

pytestmark = pytest.mark.skipif(
    bool(oracle.missing()), reason=f"gcc's plugin headers are not installed: apt-get install {oracle.missing()}"
)
C = """
#include <stdio.h>
static int twice(int n) { return 2 * n; }
int (*volatile pointer)(int) = twice;
int main(int argc, char **argv) { printf("%d %p\\n", pointer(argc), (void *)argv); return STATUS; }
"""
#: It prints a sum of its own code, in which the call is another one now.
CURIOUS = """
#include <stdio.h>
static void nothing(void) {}
void (*volatile pointer)(void) = nothing;
int main(void) { int sum = 0; pointer();
  for (int i = 0; i < 40; i++) sum += ((unsigned char *)main)[i] * i;
  printf("%d\\n", sum); return 0; }
"""
THROWS = """
#include <cstdio>
struct A { virtual int go(int n) { if (n) throw n; return 0; } virtual ~A() {} };
A *volatile a = new A;
int main() { try { return a->go(4); } catch (int n) { std::printf("%d\\n", n); return n - 4; } }
"""


def compared(source: str, folder: Path, *flags: str, runs: bool = True, language: str = "c") -> Result:
    """The result of one program."""
    path = folder / ("x.c" if language == "c" else "x.C")
    path.write_text(source)
    return compare(Case(path, "gcc" if language == "c" else "g++", flags, runs))


def test_a_program_that_does_the_same(tmp_path: Path) -> None:
    result = compared(C, tmp_path, "-O2", "-g", "-DSTATUS=0")
    assert (result.applicable, result.problems) == (True, [])
    assert +result.counts == {"branches": 1, "sites": 1, "proven objects": 2, "runs": 2}


@needs_gxx
def test_a_program_that_throws(tmp_path: Path) -> None:
    result = compared(THROWS, tmp_path, "-O0", language="c++")
    assert (result.applicable, result.problems) == (True, [])
    assert result.counts["runs"] == 2


def test_a_program_that_does_something_else(tmp_path: Path) -> None:
    result = compared(CURIOUS, tmp_path, "-O2")
    assert len(result.problems) == 2
    assert all("became" in problem for problem in result.problems)


def test_code_for_other_processors_is_left_alone(tmp_path: Path) -> None:
    result = compared("int f(int (*g)(void)) { return g() + 1; }", tmp_path, "-m32", runs=False)
    assert (result.problems, result.counts) == ([], {"same objects": 1})


@pytest.mark.parametrize("status", ["1", "(*(int *)0)", "unknown"])
def test_programs_that_fail_by_themselves(status: str, tmp_path: Path) -> None:
    result = compared(C, tmp_path, "-O0", f"-DSTATUS={status}")
    assert (result.applicable, result.problems) == (False, [])


def test_a_refusal_is_a_problem(tmp_path: Path) -> None:
    result = compared(C, tmp_path, "-O2", "-fcf-protection", "-DSTATUS=0")
    assert len(result.problems) == 1 and "shadow stacks" in result.problems[0]


def test_some_are_spread_over_all() -> None:
    assert some(range(10), 3) == [0, 3, 6]
    assert some(range(3), 0) == some(range(3), 9) == [0, 1, 2]
