"""The suite: a corpus of tests of static keys and markers, as every compiler makes them, in every state of the keys.

testdata/keys is built through asmrewrite by each compiler at each level, with everything proven behind the assembler
(`check=full`), and run with the runtime and without. What it prints in each phase (keys off, each on in turn, all on,
at random; markers probed) must be what plain C prints. Of the tests that are conditions, `RATE` must be sites.
"""

import argparse
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from conformance import realprograms
from conformance.branches import checked
from conformance.command import CommandError, must, run
from conformance.compilers.build import script
from conformance.sources import REPOSITORY
from conformance.table import Row

SUMMARY = "tests of static keys and markers: which become sites, and that all do what plain C does"

CORPUS = REPOSITORY / "testdata" / "keys"
INCLUDE = f"-I{REPOSITORY / 'asmrewrite' / 'include'}"
#: Tests of which a compiler may make a value instead of a branch.
VALUES = "values.c"
SOURCES = ("near.c", "far.c", VALUES, "marks.c", "main.c")
#: Per cent of the conditions.
RATE = 95.0
#: No build has fewer tests; what is found by nobody is missing here.
USES = 370


class Case(NamedTuple):
    """A build: compilers for C and C++, flags, and options of ours; `one`: the library is a part of the program."""

    c: str
    cxx: str
    flags: str
    options: str = ""
    one: bool = False

    @property
    def name(self) -> str:
        """For the table."""
        return " ".join(filter(None, (self.c, self.flags, self.options)))


GCC, GCC11, CLANG, CLANG19 = (
    ("gcc", "g++"), ("gcc-11", "g++-11"), ("clang-14", "clang++-14"), ("clang-19", "clang++-19"),
)  # fmt: skip
LEVELS = ("-O0", "-O1", "-O2", "-O3", "-Os", "-Og")
CASES = (
    *(Case(*compiler, level) for compiler in (GCC, GCC11, CLANG, CLANG19) for level in LEVELS),
    *(
        Case(*compiler, flags)
        for compiler in (GCC, CLANG)
        for flags in (
            "-O2 -g", "-O0 -g", "-O2 -fPIC -fno-plt", "-O2 -fno-pie -no-pie",
            "-O2 -fno-asynchronous-unwind-tables", "-O2 -fnon-call-exceptions", "-O3 -march=x86-64-v3",
            "-O2 -ffunction-sections -fdata-sections -Wl,--gc-sections",
            "-O2 -fstack-protector-all -fno-omit-frame-pointer",
        )
    ),
    *(Case(*compiler, flags, one=True) for compiler in (GCC, CLANG19) for flags in ("-O2 -static", "-O2 -static-pie")),
    Case(*GCC, "-O2 -masm=intel"), Case(*GCC, "-O0 -masm=intel"), Case(*GCC11, "-O2 -masm=intel -fPIC"),
    Case(*GCC, "-O2 -mindirect-branch=thunk"), Case(*CLANG, "-O2 -mretpoline"),
    Case(*GCC, "-O2 -fcf-protection=full", "slow=lfence"), Case(*CLANG19, "-O2 -fcf-protection=full", "slow=lfence"),
    Case(*GCC, "-O2", "bundle=6"), Case(*GCC, "-O2", "align=p2align"), Case(*GCC, "-O2", "passes=marker"),
    Case(*GCC, "-O2 -fsanitize=address -static-libasan", "check=sites"), Case(*GCC, "-O2 -mcmodel=medium"),
    Case(*GCC, "-O2 -freorder-blocks-and-partition -funroll-loops"), Case(*GCC, "-O2 -flto"), Case(*GCC, "-O0 -flto"),
)  # fmt: skip


class Counted(NamedTuple):
    """Sites, and tests left alone by their reasons; of the conditions alone, and of all."""

    conditions: Counter[str]
    everything: Counter[str]

    @property
    def rate(self) -> float:
        """Per cent of the conditions that are sites."""
        return 100.0 * self.conditions["site"] / max(1, self.conditions.total())

    def __str__(self) -> str:
        left = ", ".join(f"{why} {n}" for why, n in sorted(self.everything.items()) if why != "site")
        sites, tests = self.everything["site"], self.everything.total()
        return f"{sites} sites of {tests} tests, {self.rate:.1f} % of the conditions{f' ({left})' if left else ''}"


def main(_arguments: argparse.Namespace) -> list[Row]:
    """Run over all cases whose compilers are there."""
    command = realprograms.find_tool().command
    if command is None:
        raise CommandError("asmrewrite: not found")
    work = REPOSITORY / "build" / "keys"
    expected = reference(work / "reference")
    passed = 0
    cases = [case for case in CASES if shutil.which(case.c) and shutil.which(case.cxx)]
    for case in cases:
        try:
            print(f"{case.name}: PASS  {compare(case, Path(command), work / 'case', expected)}", flush=True)
            passed += 1
        except CommandError as error:
            print(f"{case.name}: FAIL", *str(error).splitlines()[:12], sep="\n    ", flush=True)
    return [Row("keys", len(cases), passed)]


def reference(folder: Path, *, cxx: bool = True) -> bytes:
    """What plain C prints; without what is C++ if so asked."""
    build(Case("gcc", "g++", "-O0 -DREFERENCE", one=True), "gcc", "g++" if cxx else "", folder)
    return must([str(folder / "corpus")])


def compare(case: Case, asmrewrite: Path, folder: Path, expected: bytes, *, cxx: bool = True) -> Counted:
    """Build `case` below `folder`, run it and look at its objects; `CommandError` unless all is well."""
    shutil.rmtree(folder, ignore_errors=True)
    statistics = folder / "statistics.json"
    compilers = [script(_folder(folder) / "bin" / name, asmrewrite, "cc", name) for name in case[:2]]
    options = f"stats={statistics} check=full {case.options}"
    objects = build(case, str(compilers[0]), str(compilers[1]) if cxx else "", folder, options)
    runs(folder / "corpus", expected)
    checked(str(asmrewrite), [*objects, folder / "corpus"])
    found = count(statistics)
    if cxx and found.everything.total() < USES:
        raise CommandError(f"{found}: fewer than {USES} tests")
    if found.rate < RATE:
        raise CommandError(f"below {RATE} %: {found}")
    return found


def runs(program: Path, expected: bytes) -> None:
    """Run `program`, with its runtime and without; `CommandError` unless it prints what is expected."""
    for mode in ("on", "off"):
        ran = run([str(program)], env={"ASMREWRITE_RUNTIME": mode, "PATH": "/usr/bin:/bin"}, timeout=300)
        if ran.status or ran.stdout != expected:
            raise CommandError(
                f"runtime {mode}: status {ran.status}\n{_difference(ran.stdout, expected)}{ran.stderr[-500:]!r}"
            )


def build(case: Case, c: str, cxx: str, folder: Path, options: str = "") -> list[Path]:
    """Build the corpus, without shapes.cpp when `cxx` is empty; its objects."""
    _folder(folder)
    flags = [*case.flags.split(), "-w", INCLUDE]
    linking = {"-static", "-static-pie", "-no-pie"} & {*flags}
    compiling = [flag for flag in flags if flag not in linking and not flag.startswith("-Wl,")]
    environment = {"ASMREWRITE_FLAGS": options, "PATH": "/usr/bin:/bin"}

    def compiled(compiler: str, source: str, *more: str) -> Path:
        target = folder / f"{Path(source).stem}.o"
        must([compiler, *compiling, *more, "-c", str(CORPUS / source), "-o", str(target)], env=environment)
        return target

    objects = [compiled(c, source) for source in SOURCES]
    if cxx:
        objects.append(compiled(cxx, "shapes.cpp", "-std=c++17"))
    library = compiled(c, "library.c", *([] if case.one else ["-fPIC"]))
    rest = [str(library)]
    if not case.one:
        shared = [flag for flag in flags if flag not in linking]
        must([c, *shared, "-shared", str(library), "-o", str(folder / "libcorpus.so")], env=environment)
        rest = [str(folder / "libcorpus.so"), f"-Wl,-rpath,{folder}"]
    must([cxx or c, *flags, *map(str, objects), *rest, "-o", str(folder / "corpus")], env=environment)
    return [] if any(flag.startswith("-flto") for flag in flags) else [*objects, library]


def count(statistics: Path) -> Counted:
    """What the statistics say; with -flto all files are one, and conditions cannot be told from values."""
    conditions, everything = Counter[str](), Counter[str]()
    for line in statistics.read_text().splitlines():
        record = json.loads(line)
        found = Counter({why: n for why, n in record["skipped"].items() if why.startswith("key-")})
        found["site"] = record["sites"].get("marker", 0)
        everything += found
        if VALUES not in record["file"]:
            conditions += found
    return Counted(conditions, everything)


def _difference(actual: bytes, expected: bytes) -> str:
    """The first lines that differ."""
    pairs = zip(actual.decode(errors="replace").splitlines(), expected.decode().splitlines(), strict=False)
    return "".join(f"{a} instead of {b}\n" for a, b in [pair for pair in pairs if pair[0] != pair[1]][:5])


def _folder(path: Path) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    return path
