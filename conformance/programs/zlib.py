"""zlib: built by its own configure and makefile, tested by its own tests and by round trips."""

import shutil
from pathlib import Path

from conformance.command import must
from conformance.programs.build import SCRIPTS, Build, Check, Program
from conformance.sources import fetch

#: Each level both ways through the file interface, reading and writing pipes.
_MINIGZIP = (
    "for level in 1 2 3 4 5 6 7 8 9; do ./minigzip -$level < deflate.c | cksum;"
    " ./minigzip -$level < deflate.c | ./minigzip -d | cmp - deflate.c || exit 1; done"
)


def prepare(cache: Path) -> Path:
    """The source package as it is."""
    return fetch("zlib", cache)


def build(build: Build) -> None:
    """Run configure and make in a copy of the tree: static, shared and 64-bit programs."""
    tree = build.directory
    shutil.copytree(build.source, tree, dirs_exist_ok=True)
    env = build.make_environment()
    # configure's trial programs are assembled, too, and must not be counted with the library.
    trial = {name: value for name, value in env.items() if name not in build.environment}
    must(["./configure"], cwd=tree, env={**trial, "CC": build.cc, "CFLAGS": " ".join(build.flags)})
    # The mode is part of the command, not of CFLAGS: it must not come after -shared and -fPIC.
    cc = f"{build.cc} {build.compile_mode} {build.link_mode}"
    must(["make", f"CC={cc}", "all", "infcover"], cwd=tree, env=env)
    driver = build.compile(SCRIPTS / "zroundtrip.c", ("-I.",))
    build.link("zroundtrip", [driver], ["libz.a"])


PROGRAM = Program(
    name="zlib",
    prepare=prepare,
    build=build,
    checks=(
        Check("test static", ("make", "-s", "teststatic")),
        Check("test shared", ("make", "-s", "testshared")),
        Check("test 64-bit", ("make", "-s", "test64")),
        Check("infcover", ("./infcover",)),
        Check("minigzip", ("sh", "-c", _MINIGZIP)),
        Check("round trips", ("./zroundtrip",)),
    ),
)
