"""Redis 7: a server around one event loop, whose commands, objects and connections are tables of functions.

Built with libc's malloc, since jemalloc's own configure takes longer than all of redis; Lua 5.1, hiredis,
linenoise and hdr_histogram are built along with it.
"""

import shutil
from pathlib import Path

from conformance.command import must
from conformance.programs.build import Build
from conformance.sources import fetch

TARGETS = ("redis-server", "redis-benchmark", "redis-cli")


def prepare(cache: Path) -> Path:
    """The source package as it is."""
    return fetch("redis", cache)


def build(build: Build) -> None:
    """Run the makefile in a copy of the tree."""
    tree = build.directory
    shutil.copytree(build.source, tree, dirs_exist_ok=True)
    # The mode is part of the command: the makefiles of the dependencies pass no flags of ours on.
    cc = f"{build.cc} {build.compile_mode} {build.link_mode}"
    # Without debug information: it would name the folder, in which two builds differ.
    settings = [f"CC={cc}", "MALLOC=libc", "USE_SYSTEMD=no", f"OPTIMIZATION={build.level}", "DEBUG=", "DEBUG_FLAGS="]
    # The epoch: the server holds the date of its build otherwise.
    env = {**build.make_environment(), "SOURCE_DATE_EPOCH": "0"}
    must(["make", *settings, *TARGETS], cwd=tree / "src", env=env)
