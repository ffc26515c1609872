"""nginx: every request runs through phases, filters and event handlers that are pointers to functions.

Without the modules that need other libraries (pcre, zlib).
"""

import shutil
from pathlib import Path

from conformance.command import must
from conformance.programs.build import Build
from conformance.sources import fetch


def prepare(cache: Path) -> Path:
    """The source package as it is."""
    return fetch("nginx", cache)


def build(build: Build) -> None:
    """Run configure and make in a copy of the tree."""
    tree = build.directory
    shutil.copytree(build.source, tree, dirs_exist_ok=True)
    env = build.make_environment()
    # configure's trial programs are assembled, too, and must not be counted with the server.
    trial = {name: value for name, value in env.items() if name not in build.environment}
    # -g0: debug information would name the folder, in which two builds differ.
    options = [
        f"--with-cc-opt={build.level} -g0 {build.compile_mode}",
        f"--with-ld-opt={build.link_mode}",
        "--without-http_rewrite_module",
        "--without-http_gzip_module",
    ]
    # The compiler through the environment: the server prints its configure's options, and so its objects hold them.
    must(["./configure", *options], cwd=tree, env={**trial, "CC": build.cc})
    must(["make"], cwd=tree, env=env)
