"""What can be measured of a built kernel: its text, its static-call sites, and which way its indirect calls go.

The share of calls that take the fast path is counted and not computed: a plugin of qemu (count.c) counts how often
each stub is entered, each stub's jump to the thunk is reached, and each thunk is entered, from wherever.
"""

from pathlib import Path
from typing import NamedTuple

from asmrewrite.stubs import kernel
from asmrewrite.verify.image import Image
from conformance.command import CommandError, must
from conformance.kernel import boot
from conformance.kernel.tree import HERE, Tree, work

#: The first bytes of a stub's entry, by whether it is for %rax: cmpq $imm32 and je rel32.
_ENTRY = {True: 12, False: 13}
_LINE = 64
_EXEC = 4


class Text(NamedTuple):
    """Bytes of code, static-call sites of vmlinux, and those of them that lie in two cache lines."""

    size: int
    sites: int
    straddling: int


class Ways(NamedTuple):
    """Calls and jumps through a register, of the whole run: all, those of sites with a stub, and those it caught."""

    calls: int
    stubs: int
    fast: int


def text(made: Tree) -> Text:
    """What is said of static calls here is that of the linked kernel, whoever made its tables.

    vmlinux pads its text to a huge page, which hides megabytes: code is measured in vmlinux.o, of which it is made.
    """
    with (made.folder / "vmlinux.o").open("rb") as file:
        size = sum(s.size for s in Image("vmlinux.o", file).sections if ".text" in s.name and s.flags & _EXEC)
    with made.vmlinux.open("rb") as file:
        image = Image(str(made.vmlinux), file)
        symbols = {symbol.name: symbol.value for symbol in image.symbols}
        start, stop = symbols["__start_static_call_sites"], symbols["__stop_static_call_sites"]
        place = image.at(start)
        if place is None:
            raise CommandError(f"{made.vmlinux}: its table of static calls is in no section")
        data = image.sections[place.section].data[place.offset : place.offset + stop - start]
    offsets = range(0, len(data), kernel.TABLES["static-call"].size)
    sites = [start + o + int.from_bytes(data[o : o + 4], "little", signed=True) for o in offsets]
    return Text(size, len(sites), sum(map(straddles, sites)))


def straddles(site: int) -> bool:
    """Whether a call or jump at this offset lies in two cache lines, when its section begins at one."""
    return site % _LINE + 5 > _LINE


def ways(made: Tree, parameters: str) -> tuple[Ways, boot.Run]:
    """Boot `made` with the kernel's `parameters`, spectre_v2=retpoline among them, since thunks are counted."""
    plugin, asked, told = (work() / f"count.{end}" for end in ("so", "places", "counts"))
    must(["gcc", "-O2", "-shared", "-fPIC", "-o", str(plugin), str(HERE / "count.c")])
    stubs, slow, thunks = _places(made.vmlinux)
    asked.write_text("".join(f"{address:x}\n" for address in sorted(stubs | slow | thunks)))
    ran = boot.boot(made, parameters, qemu=("-plugin", f"{plugin},places={asked},out={told}"))
    counts = {int(a, 16): int(n) for a, n in map(str.split, told.read_text().splitlines())}
    entered, missed, through = (sum(counts[a] for a in places) for places in (stubs, slow, thunks))
    return Ways(entered - missed + through, entered, entered - missed), ran


def _places(vmlinux: Path) -> tuple[set[int], set[int], set[int]]:
    """The addresses of stubs with chains, of their jumps to a thunk, and of thunks."""
    stubs: set[int] = set()
    slow: set[int] = set()
    with vmlinux.open("rb") as file:
        image = Image(str(vmlinux), file)
        for table in image.named(kernel.RELPOLINE.section):
            for offset in range(0, len(table.data), kernel.RELPOLINE.size):
                _, stub, register, _, chain, _ = kernel.RECORD.unpack_from(table.data, offset)
                if stub and chain:
                    address = table.address + offset + 4 + stub
                    stubs.add(address)
                    slow.add(address + chain * _ENTRY[register == 0])
        thunks = {s.value for s in image.symbols if s.name.startswith(kernel.THUNK_PREFIX) and "array" not in s.name}
    return stubs, slow, thunks
