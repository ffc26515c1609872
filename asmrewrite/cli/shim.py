"""The program behind `gcc -B $(asmrewrite --as-dir)`: started without `site`, told where to import from."""

import gc
import sys

if __name__ == "__main__":
    gc.disable()  # one short run: collecting what will all be used costs more than it frees
    sys.path[0:1] = sys.argv.pop(1).split(":")
    from asmrewrite.cli.assembler import shim_main

    sys.exit(shim_main(sys.argv[1:]))
