"""SQLite: the amalgamation, with its shell, its benchmark and its fuzz corpus runner.

The large test suite of SQLite is a Tcl extension and needs Tcl's development files; the fuzz
corpus, ten thousands of statements with self-checks, needs nothing but the library.
"""

import re
import shutil
from pathlib import Path

from conformance.command import must
from conformance.programs.build import SCRIPTS, Build, Check, Program
from conformance.sources import fetch

_FLAGS = (
    "-I.",
    "-DSQLITE_CORE=1",
    "-DSQLITE_THREADSAFE=1",
    "-DSQLITE_SOUNDEX",
    "-DSQLITE_ENABLE_BYTECODE_VTAB",
    "-DSQLITE_ENABLE_COLUMN_METADATA",
    "-DSQLITE_ENABLE_DBSTAT_VTAB",
    "-DSQLITE_ENABLE_FTS3_PARENTHESIS",
    "-DSQLITE_ENABLE_FTS4",
    "-DSQLITE_ENABLE_FTS5",
    "-DSQLITE_ENABLE_GEOPOLY",
    "-DSQLITE_ENABLE_MATH_FUNCTIONS",
    "-DSQLITE_ENABLE_MEMSYS5",
    "-DSQLITE_ENABLE_RTREE",
)
_LIBRARIES = ("-lpthread", "-ldl", "-lm")

#: What the amalgamation consists of, made by SQLite's own makefile.
_GENERATED = ("sqlite3.c", "sqlite3.h", "sqlite3ext.h", "shell.c")

#: The corpus runner's sources, as FUZZCHECK_SRC of SQLite's makefile lists them.
_FUZZ_SOURCES = (
    "test/fuzzcheck.c",
    "test/ossfuzz.c",
    "test/fuzzinvariants.c",
    "test/vt02.c",
    "ext/recover/dbdata.c",
    "ext/recover/sqlite3recover.c",
)
#: The smaller databases of the corpus; all eight take a minute without optimization.
_FUZZ_DATA = ("fuzzdata1.db", "fuzzdata4.db", "fuzzdata6.db")

_SQL = {"relational.sql": 0, "features.sql": 0, "failing.sql": 1}


def prepare(cache: Path) -> Path:
    """Make the amalgamation once, with plain gcc: both builds compile the very same file."""
    tree = fetch("sqlite3", cache)
    target = cache / "sqlite3-amalgamation"
    if not target.is_dir():
        work = cache / "sqlite3-amalgamation.partial"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        must([str(tree / "configure"), "CC=gcc"], cwd=work)
        must(["make", *_GENERATED], cwd=work)
        for name in ("test", "ext"):
            shutil.copytree(tree / name, work / name, dirs_exist_ok=True)
        work.rename(target)
    return target


def build(build: Build) -> None:
    """Compile the library once and link the three programs with it."""
    for name in _GENERATED:
        shutil.copy(build.source / name, build.directory)
    library = build.compile(Path("sqlite3.c"), _FLAGS)
    build.link("sqlite3", [build.compile(Path("shell.c"), _FLAGS), library], _LIBRARIES)
    speedtest = build.compile(build.source / "test/speedtest1.c", _FLAGS)
    build.link("speedtest1", [speedtest, library], _LIBRARIES)
    includes = (f"-I{build.source / 'test'}", f"-I{build.source / 'ext/recover'}")
    flags = (*_FLAGS, "-DSQLITE_OSS_FUZZ", *includes)
    corpus = [build.compile(build.source / name, flags) for name in _FUZZ_SOURCES]
    build.link("fuzzcheck", [*corpus, library], _LIBRARIES)
    for script in _SQL:
        shutil.copy(SCRIPTS / script, build.directory)
    for name in _FUZZ_DATA:
        shutil.copy(build.source / "test" / name, build.directory)


def _without_times(output: bytes) -> bytes:
    """Take out the seconds that the benchmark and the corpus runner print at a line's end."""
    return re.sub(rb" +(?:in )?\d+\.\d{3}(?:s| seconds)$", b"", output, flags=re.MULTILINE)


def _speedtest(testset: str, *options: str) -> Check:
    """One set of the benchmark on a small database; ``--verify`` prints a hash of all results."""
    argv = ("./speedtest1", "--memdb", "--size", "5", "--verify", "--testset", testset, *options)
    return Check(" ".join(("speedtest1", testset, *options)), argv, clean=_without_times)


PROGRAM = Program(
    name="sqlite3",
    prepare=prepare,
    build=build,
    checks=(
        *(Check(name, ("./sqlite3", "-batch", ":memory:"), name, status) for name, status in _SQL.items()),
        *map(_speedtest, ("main", "cte", "rtree", "orm", "fp", "debug1")),
        _speedtest("main", "--utf16le", "--without-rowid", "--threads", "2", "--temp", "6"),
        *(Check(name, ("./fuzzcheck", name), clean=_without_times) for name in _FUZZ_DATA),
    ),
)
