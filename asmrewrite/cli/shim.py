"""The program behind `gcc -B $(asmrewrite --as-dir)`: started without `site` by the script of toolchain/asdir.py."""

from __future__ import annotations

import gc
import sys

from asmrewrite.toolchain.start import like_any_program


def main() -> None:
    """Run as the assembler, to the end of the process."""
    like_any_program()
    gc.disable()  # one short run: collecting what will all be used costs more than it frees
    from asmrewrite.cli.assembler import shim_main

    shim_main(sys.argv[1:])
