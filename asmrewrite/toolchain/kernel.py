"""What a compiler's command line says of the Linux kernel: code of the kernel itself, or what is built beside it.

kbuild gives `-D__KERNEL__` to everything. The kernel and its modules are the code model `kernel` (-mcmodel=kernel) in
64-bit code; the vdso, the decompressor, real mode and purgatory are of another model, position-independent or for
another mode, and run where nothing patches them. Hand-written files have no code model; those of the kernel itself are
-fno-PIE and none of the others (arch/x86/Makefile, arch/x86/{boot,realmode,purgatory,entry/vdso}/Makefile).
"""

from __future__ import annotations

#: Set by the compiler wrapper where it compiles the kernel: "kernel" or "module".
KERNEL = "ASMREWRITE_KERNEL"
_KERNEL = "-D__KERNEL__"
#: Words of what is built beside the kernel.
_BESIDE = frozenset({
    "-m16", "-m32", "-mx32", "-D_SETUP", "-DBUILD_VDSO", "-D__DISABLE_EXPORTS", "-D_WAKEUP", "-fPIE", "-fpie", "-fPIC",
    "-fpic",
})  # fmt: skip


#: Words, by their beginnings, of calls that need a closer look: our options, responses, and what makes no object.
_SPECIAL = (
    "-fplugin-arg-asmrewrite-", "@", "-E", "-S", "-M", "-d", "-x", "-###", "-print-", "--", "-fsyntax-only", "-flto",
)  # fmt: skip


def is_plain(command: list[str]) -> bool:
    """Whether a command of gcc makes an object with nothing special about it, as nearly all of a kernel build do."""
    return "-c" in command and not any(
        word.startswith(_SPECIAL) and not word.startswith("--param=") for word in command
    )


def inside(arguments: list[str]) -> bool:
    """Whether the call compiles or assembles code of the kernel or of a module."""
    if _KERNEL not in arguments:
        return False
    models = [word for word in arguments if word.startswith("-mcmodel=")]
    if models:
        return models[-1] == "-mcmodel=kernel" and _BESIDE.isdisjoint(_last_of_mode(arguments))
    return "-D__ASSEMBLY__" in arguments and _BESIDE.isdisjoint(_last_of_mode(arguments))


def _last_of_mode(arguments: list[str]) -> list[str]:
    """`arguments` without what a later word takes back: -m64 behind -m32, -fno-PIE behind -fPIE."""
    for undo, words in (("-m64", ("-m16", "-m32", "-mx32")), ("-fno-PIE", ("-fPIE", "-fpie")), ("-fno-PIC", ())):
        if undo in arguments:
            end = len(arguments) - arguments[::-1].index(undo)
            arguments = [w for n, w in enumerate(arguments) if n >= end or w not in words]
    return arguments
