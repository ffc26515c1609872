"""The folder to give `gcc -B`: it holds one program, `as`, which is a script that starts our shim.

The script names the Python that made it and the folders of what the shim imports, so that it starts without
`site` (``python -IS``: 8 ms instead of 11) and without what a user's environment says to Python. It is made once,
where the user may write, and found by its name.
"""

from __future__ import annotations

import os
import sys
from binascii import crc32

from asmrewrite.errors import ToolError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: The script; `sys.argv[0]` is its own name. Nothing of ours is there yet to say what went wrong.
_BODY = """\
import sys
try:
    sys.path[0:1] = {folders}
    from asmrewrite.cli.shim import main
    main()
except (MemoryError, SystemError):
    sys.exit("asmrewrite: error: the shim cannot start: out of memory: raise the limit (ulimit -v)")
except (OSError, ImportError) as error:
    sys.exit(f"asmrewrite: error: the shim cannot start: {{error}}")
"""
#: Behind ``#!`` Linux takes no more than this (bytes, with the name of a script's interpreter and its one option).
_SHEBANG_MAX = 127

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


#: The shim of kernel builds, for the shell: to start Python for an object without sites would take longer than to
#: look for them. What `inside` of toolchain/kernel.py sees in the compiler's command line is here seen in what gcc
#: tells its assembler of it. The assembler is found as by `find` of toolchain/gas.py.
_KERNEL_BODY = """\
#!/bin/sh
[ -z "$ASMREWRITE_AS" ] || exec {shim} "$@"
folders() {{
    eval "set -- $COLLECT_GCC_OPTIONS"
    while [ $# -gt 1 ]; do [ "$1" = -B ] && printf '%s:' "$2"; shift; done
}}
case $COLLECT_GCC_OPTIONS in
*"'-B'"*"'-B'"*) more=$(folders) ;;
*) more= ;;
esac
IFS=:
for folder in $more $COMPILER_PATH $PATH; do
    plain=${{folder:-.}}/as
    [ -x "$plain" ] && ! [ "$plain" -ef "$0" ] && ! [ "$plain" -ef {shim} ] && break
    plain=as
done
unset IFS
if [ -z "$ASMREWRITE_KERNEL" ]; then
    case $COLLECT_GCC_OPTIONS in
    *"'-m16'"*|*"'-m32'"*|*"'_SETUP'"*|*"'BUILD_VDSO'"*|*"'__DISABLE_EXPORTS'"*|*"'-fPI"*|*"'-fpi"*)
        exec "$plain" "$@" ;;
    *"'__KERNEL__'"*"'-mcmodel=kernel'"*|*"'-mcmodel=kernel'"*"'__KERNEL__'"*) ;;
    *"'-mcmodel="*) exec "$plain" "$@" ;;
    *"'__KERNEL__'"*"'__ASSEMBLY__'"*) ;;
    *) exec "$plain" "$@" ;;
    esac
    case $COLLECT_GCC_OPTIONS in
    *"'-D' 'MODULE'"*) ASMREWRITE_KERNEL=module ;;
    *) ASMREWRITE_KERNEL=kernel ;;
    esac
    export ASMREWRITE_KERNEL
fi
folder=$PWD
while [ -n "$folder" ]; do
    [ -f "$folder/asmrewrite.toml" ] && exec {shim} "$@"
    folder=${{folder%/*}}
done
if [ -z "$ASMREWRITE_FLAGS$ASMREWRITE_EMIT" ] && ! [ -f /asmrewrite.toml ]; then
    before= input=
    for word; do before=$input input=$word; done
    case $before$input in
    -*) ;;
    *) LC_ALL=C grep -q -e __SCT__ -e ____static_call_tramp_ -- "$input" 2>/dev/null
       [ $? -eq 1 ] && exec "$plain" "$@" ;;
    esac
fi
exec {shim} "$@"
"""


def as_dir() -> str:
    """The folder, made if need be; `ToolError` when there is no place for it."""
    key = f"{_BODY}\n{sys.executable}\n{_PACKAGE}\n{sys.version}"
    return _folder(f"as-{crc32(os.fsencode(key)):08x}", _script)


def kernel_as_dir() -> str:
    """The same for builds of the Linux kernel alone: what is none of its text goes to the assembler as it is."""
    text = _KERNEL_BODY.format(shim=_quoted(os.path.join(as_dir(), "as")))
    return _folder(f"kernel-{crc32(os.fsencode(text)):08x}", lambda: os.fsencode(text))


def _folder(name: str, script: Callable[[], bytes]) -> str:
    for place in places():
        folder = os.path.join(place, name)
        if owned(folder, "as"):
            return folder
    for place in places():
        folder = os.path.join(place, name)
        if _make(folder, script) and owned(folder, "as"):
            return folder
    raise ToolError(
        "no folder can hold the assembler's shim", hint=f"make one of these writable: {', '.join(places())}"
    )


def places() -> list[str]:
    """The folders that may hold what is made once and kept, in the order of trying."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    temporary = os.environ.get("TMPDIR") or os.path.join(os.sep, "tmp")
    user = os.geteuid()
    return [
        os.path.join(_PACKAGE, "_shim"),
        os.path.join(cache, "asmrewrite"),
        os.path.join(temporary, f"asmrewrite-{user}"),
    ]


def owned(folder: str, name: str) -> bool:
    """Whether the file is there and nobody else could have written it."""
    try:
        file, holder = os.stat(os.path.join(folder, name)), os.stat(folder)
    except OSError:
        return False
    owners = (0, os.geteuid())
    return file.st_uid in owners and holder.st_uid in owners and not (file.st_mode | holder.st_mode) & 0o022


def _make(folder: str, made: Callable[[], bytes]) -> bool:
    """Write the script; another process may be doing the same, so it appears whole or not at all."""
    script = os.path.join(folder, "as")
    partial = f"{script}.{os.getpid()}"
    try:
        os.makedirs(folder, 0o755, exist_ok=True)
        os.chmod(folder, 0o755)
        # Not by O_TMPFILE: a script that somebody has open for writing cannot be run.
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o755)
    except OSError:
        return False
    try:
        with open(descriptor, "wb") as file:
            file.write(made())
        os.chmod(partial, 0o755)
        os.replace(partial, script)
    except OSError:
        os.unlink(partial)
        return False
    return True


def _script() -> bytes:
    from importlib.util import find_spec

    folders = [os.path.dirname(_PACKAGE)]
    for module in ("elftools", "iced_x86"):
        spec = find_spec(module)
        if spec is not None and spec.submodule_search_locations:
            folders.append(os.path.dirname(next(iter(spec.submodule_search_locations))))
    body = _BODY.format(folders=ascii(list(dict.fromkeys(folders))))
    start = f"#!{sys.executable} -IS"
    if len(os.fsencode(start)) <= _SHEBANG_MAX and not set(sys.executable) & set(" \t\n"):
        return os.fsencode(f"{start}\n{body}")
    words = " ".join(map(_quoted, (sys.executable, "-IS", "-c", f"import sys\ndel sys.argv[0]\n{body}")))
    return os.fsencode(f'#!/bin/sh\nexec {words} "$0" "$@"\n')


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"
