"""The compiler of the variants that differ in our options alone: what gcc printed for one of them serves the next.

``python cc.py ARGS...`` is gcc to whoever calls it. For an object of the kernel it keeps gcc's
listing (with -dp), what gcc would have told the assembler, and the depfile, under the object's name in the folder
$ASMREWRITE_KERNEL_LISTINGS, with the words of the command. A later call with the very same words starts no gcc: our
assembler is given the listing again. Source, configuration and compiler must be the same; who builds empties the folder
when they may not be (conformance/kernel/tree.py).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from asmrewrite.toolchain.asdir import as_dir, kernel_as_dir
from asmrewrite.toolchain.gas import ENVIRONMENT as ASSEMBLER
from asmrewrite.toolchain.kernel import KERNEL, inside

LISTINGS = "ASMREWRITE_KERNEL_LISTINGS"
#: Where the assembler of `SAVER` keeps what it is given.
_PLACE = "ASMREWRITE_KERNEL_PLACE"
_DEPFILE = "-Wp,-MMD,"
#: The assembler that keeps its input, the last of its words, and those words.
_SAVER = """\
#!/bin/sh
for word; do input=$word; done
cp "$input" "$%s.s" && printf '%%s\\n' "$@" > "$%s.args" || exit 1
exec '%s' "$@"
"""


def saver(folder: Path) -> Path:
    """The folder with that assembler, made in `folder`."""
    script = folder / "saver" / "as"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(_SAVER % (_PLACE, _PLACE, Path(as_dir()) / "as"))
    script.chmod(0o755)
    return script.parent


def kept(folder: Path, name: str) -> str:
    """The listing of the object `name` that was kept last in any folder below `folder`; "" for none."""
    found = list(folder.glob(f"listings-*/{name.replace('/', '@')}.s"))
    return max(found, key=lambda path: path.stat().st_mtime).read_text(encoding="latin-1") if found else ""


def main(words: list[str]) -> NoReturn:
    """Become gcc, or our assembler."""
    store = Path(os.environ[LISTINGS])
    if "-c" not in words or "-o" not in words or not inside(words):
        os.execvp("gcc", ["gcc", *words])
    output = words[words.index("-o") + 1]
    if "-D__ASSEMBLY__" in words or not output.endswith(".o"):
        os.execvp("gcc", ["gcc", f"-B{kernel_as_dir()}", *words])
    os.environ[KERNEL] = "module" if "-DMODULE" in words else "kernel"
    os.environ.setdefault(ASSEMBLER, shutil.which("as") or "as")
    place = store / output.replace("/", "@")
    said = Path(f"{place}.words")
    command = "\n".join(words)
    depfile = next((Path(word[len(_DEPFILE) :]) for word in words if word.startswith(_DEPFILE)), None)
    kept = Path(f"{place}.d")
    if said.exists() and said.read_text() == command:
        if depfile:
            shutil.copyfile(kept, depfile)
        arguments = Path(f"{place}.args").read_text().splitlines()
        shim = f"{as_dir()}/as"
        os.execv(shim, [shim, *arguments[:-1], f"{place}.s"])
    status = subprocess.call(["gcc", f"-B{store / 'saver'}", "-dp", *words], env={**os.environ, _PLACE: str(place)})
    if not status:
        if depfile:
            shutil.copyfile(depfile, kept)
        said.write_text(command)
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
