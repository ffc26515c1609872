"""Boot a built kernel in qemu with an initramfs that exercises it, and read what it said."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

from conformance.command import CommandError, must, run
from conformance.kernel.tree import HERE, Tree, work

#: What a sound kernel does not say.
_TROUBLE = re.compile(
    r"WARNING:|BUG:|Oops|kernel BUG|general protection|unable to handle|Call Trace|RIP:|stack-protector|rcu: INFO"
    r"|static_call|patch error|[Bb]ad (?:call|opcode)|WRITE error|FAILED"
)
#: The lines of init.sh and load.c begin so; those with `~` say what differs from run to run.
_SAID = "LOAD "
TIMEOUT = 900.0


class Run(NamedTuple):
    """What a boot printed: the workload's own lines, what is wrong, figures by name, and all of the console."""

    lines: list[str]
    trouble: list[str]
    figures: dict[str, int]
    console: str


def initramfs(tree: Tree) -> Path:
    """The archive: busybox, the load, the modules that init.sh loads."""
    root = work() / f"{tree.variant.name}.root"
    shutil.rmtree(root, ignore_errors=True)
    for name in ("bin", "dev", "proc", "sys", "tmp", "mnt", "modules"):
        (root / name).mkdir(parents=True)
    shutil.copy2(_busybox(), root / "bin" / "busybox")
    shutil.copy2(HERE / "init.sh", root / "init")
    (root / "init").chmod(0o755)
    must(["gcc", "-O2", "-static", "-o", str(root / "bin" / "load"), str(HERE / "load.c"), "-lpthread"])
    for module in sorted(tree.folder.glob("**/*.ko")):
        if module.name in ("dummy.ko", "tun.ko", "veth.ko", "fuse.ko"):
            shutil.copy2(module, root / "modules")
    archive = work() / f"{tree.variant.name}.cpio.gz"
    packed = subprocess.run(
        "find . | cpio -o -H newc --quiet | gzip -1", shell=True, cwd=root, capture_output=True, check=False
    )
    if packed.returncode:
        raise CommandError(f"cpio: {packed.stderr.decode(errors='replace')}")
    archive.write_bytes(packed.stdout)
    return archive


def boot(tree: Tree, parameters: str = "", *, qemu: tuple[str, ...] = ()) -> Run:
    """Boot `tree`'s kernel with more kernel parameters and more words for qemu; it powers itself off."""
    command = [
        "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-nographic", "-no-reboot", "-m", "1G", "-kernel",
        str(tree.image), "-initrd", str(initramfs(tree)), "-append",
        f"console=ttyS0 nokaslr panic=-1 quiet loglevel=4 {parameters}", *qemu,
    ]  # fmt: skip
    ran = run(command, timeout=TIMEOUT)
    console = ran.stdout.decode(errors="replace").replace("\r", "")
    name = re.sub(r"[^\w=,.]+", "-", f"{tree.variant.name} {parameters}".strip())
    (work() / f"{name}.console").write_text(console)
    said = [line[line.index(_SAID) :] for line in console.splitlines() if _SAID in line]
    figures = {m.group(1): int(m.group(2)) for line in said if (m := re.match(r"LOAD ~(\S+) (\d+)$", line))}
    lines = [line for line in said if not line.startswith("LOAD ~")]
    # The kernel's own opinion of spectre_v2=retpoline,lfence is no trouble.
    trouble = [line for line in console.splitlines() if _TROUBLE.search(line) and "LFENCE mitigation" not in line]
    if "LOAD done" not in lines:
        trouble.append(f"the workload did not end; the console ends in: {console[-1500:]}")
    return Run(lines, trouble, figures, console)


def _busybox() -> str:
    found = shutil.which("busybox")
    if not found:
        raise CommandError("busybox is missing: apt-get install busybox-static")
    return found
