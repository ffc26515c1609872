"""A kernel tree: Debian's source, our two additions to it, a configuration, and one build folder for each variant."""

import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from asmrewrite.toolchain.asdir import kernel_as_dir
from conformance.command import CommandError, must
from conformance.kernel import cc
from conformance.sources import REPOSITORY, install

HERE = Path(__file__).parent
WORK = REPOSITORY / "build" / "kernel"
#: Set to another folder with room for about 2 GB a variant.
WORK_VARIABLE = "ASMREWRITE_KERNEL_WORK"
#: Set for a kernel of half the size.
SMALL = "ASMREWRITE_KERNEL_SMALL"
PACKAGES = "linux-source-6.1 flex bison bc libelf-dev libssl-dev cpio kmod rsync qemu-system-x86 busybox-static".split()
ARCHIVE = Path("/usr/src/linux-source-6.1.tar.xz")
#: What objtool does of its own accord in this configuration; a variant leaves out what we do.
OBJTOOL = "--hacks=jump_label --hacks=noinstr --orc --retpoline --rethunk --static-call --uaccess".split()


class Variant(NamedTuple):
    """A way to build the kernel: our options ("-" for a build without us), and what objtool need not do then.

    `listings` says that the compiler's are kept, and used where another variant has left them (cc.py).
    """

    name: str
    flags: str
    without: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    listings: bool = False


_RELPOLINE = "passes=relpoline,static-call"
PLAIN = Variant("plain", "-")
VARIANTS = {
    variant.name: variant
    for variant in (
        PLAIN,
        Variant("static", "", ("--static-call",)),
        Variant("record", f"{_RELPOLINE} slow=record", ("--static-call",), ("ASMREWRITE_RECORD=y",), True),
        Variant("relpoline", f"{_RELPOLINE} profile={{work}}/calls.profile", ("--static-call",), (), True),
        Variant(
            "tables", "tables=static-call,retpoline,return", ("--static-call", "--retpoline", "--rethunk"), (), True
        ),
    )
}  # fmt: skip


class Built(NamedTuple):
    """What a build cost: seconds on the clock, and of CPU time in user mode and in the kernel."""

    clock: float
    user: float
    system: float


class Tree:
    """One variant's build folder."""

    def __init__(self, variant: Variant) -> None:
        self.variant = variant
        self.folder = work() / variant.name
        self.vmlinux = self.folder / "vmlinux"
        self.image = self.folder / "arch" / "x86" / "boot" / "bzImage"
        self._cost = work() / f"{variant.name}.cost"

    def is_built(self) -> bool:
        """Whether there is a kernel."""
        return self.image.exists()

    def configure(self) -> None:
        """x86_64_defconfig with kernel.config on top; fails when a word of that did not come through."""
        self.folder.mkdir(parents=True, exist_ok=True)
        if (self.folder / ".config").exists():
            return
        self.make("x86_64_defconfig")
        merge = source() / "scripts" / "kconfig" / "merge_config.sh"
        fragments = [str(HERE / "kernel.config")]
        if os.environ.get(SMALL):
            fragments.append(str(HERE / "small.config"))
        must([str(merge), "-m", "-O", ".", ".config", *fragments], cwd=self.folder)
        self.make("olddefconfig")
        said = (self.folder / ".config").read_text()
        for line in (HERE / "kernel.config").read_text().splitlines():
            on = line.startswith("CONFIG_") and not line.endswith("=n")
            if on and f"\n{line}\n" not in said:
                (self.folder / ".config").unlink()
                raise CommandError(f"the configuration lost {line}")

    def build(self, jobs: int) -> Built:
        """Configure and make, unless that is done; what it cost, then or now."""
        if not self.is_built():
            self.configure()
            cost = self.make(jobs=jobs)
            self._cost.write_text(" ".join(f"{seconds:.2f}" for seconds in cost))
        return self.cost()

    def cost(self) -> Built:
        """What the build cost."""
        return Built(*map(float, self._cost.read_text().split()))

    def make(self, *targets: str, jobs: int = 1) -> Built:
        """Run make; its output goes to a log beside the folder, which an error quotes."""
        variant = self.variant
        environment = {k: v for k, v in os.environ.items() if not k.startswith("ASMREWRITE_")}
        compiler = "gcc"
        if variant.flags != "-":
            compiler = f"gcc -B{kernel_as_dir()}"
            environment["ASMREWRITE_FLAGS"] = variant.flags.format(work=work())
        if variant.listings:
            compiler = f"{sys.executable} {HERE / 'cc.py'}"
            environment[cc.LISTINGS] = str(self._listings())
        arguments = " ".join(word for word in OBJTOOL if word not in variant.without)
        command = [
            "make", "-s", f"-j{jobs}", "-C", str(source()), f"O={self.folder}", f"CC={compiler}", "HOSTCC=gcc",
            f"objtool-args-y={arguments}", "KBUILD_BUILD_TIMESTAMP=Thu Jan 1 00:00:00 UTC 2026",
            "KBUILD_BUILD_USER=x", "KBUILD_BUILD_HOST=x", *variant.variables, *targets,
        ]  # fmt: skip
        return _timed(command, environment, work() / f"{variant.name}.log")

    def _listings(self) -> Path:
        """The folder of listings of this configuration, source and compiler."""
        config = self.folder / ".config"
        known = [must(["gcc", "--version"]), (HERE / "record.c").read_bytes()]
        known += [config.read_bytes()] if config.exists() else []
        folder = work() / f"listings-{crc32(b''.join(known)):08x}"
        cc.saver(folder)
        return folder

    def words(self) -> str:
        """What the build says that a silent one does not: warnings of objtool, of the linker, of us.

        Of the log only what is behind the last command: kconfig has its own words about merging fragments.
        """
        log = work() / f"{self.variant.name}.log"
        lines = log.read_text(errors="replace").rpartition("\n$ ")[2].splitlines()[1:] if log.exists() else []
        return "\n".join(line for line in lines if line.strip() and not line.startswith("make"))


def work() -> Path:
    """Where sources and builds go."""
    return Path(os.environ.get(WORK_VARIABLE) or WORK)


def source() -> Path:
    """The patched source."""
    return work() / "linux-source-6.1"


def prepare() -> None:
    """Install what a build needs (as root), unpack the source and add to it."""
    install([package for package in PACKAGES if not _is_installed(package)])
    work().mkdir(parents=True, exist_ok=True)
    if not (source() / "Makefile").exists():
        must(["tar", "-xf", str(ARCHIVE), "-C", str(work())])
    _add()


def _is_installed(package: str) -> bool:
    ran = subprocess.run(["dpkg-query", "-W", "-f", "${Status}", package], capture_output=True, check=False)
    return ran.stdout.endswith(b" installed")


#: Not where .retpoline_sites is, which is freed when the kernel has booted.
_SECTION = """\

\t. = ALIGN(8);
\t.relpoline_sites : AT(ADDR(.relpoline_sites) - LOAD_OFFSET) {
\t\t__relpoline_sites = .;
\t\t*(.relpoline_sites)
\t\t__relpoline_sites_end = .;
\t}
"""
_BEHIND = "\tORC_UNWIND_TABLE\n"
_RECORDER = """
obj-$(ASMREWRITE_RECORD) += asmrewrite_record.o
CFLAGS_REMOVE_asmrewrite_record.o = $(CC_FLAGS_FTRACE)
"""


def _add() -> None:
    """The place of .relpoline_sites in vmlinux, and the recorder."""
    script = source() / "arch" / "x86" / "kernel" / "vmlinux.lds.S"
    text = script.read_text()
    if ".relpoline_sites" not in text:
        if text.count(_BEHIND) != 1:
            raise CommandError(f"{script}: no place for .relpoline_sites")
        script.write_text(text.replace(_BEHIND, _BEHIND + _SECTION))
    makefile = source() / "kernel" / "Makefile"
    if "asmrewrite_record" not in makefile.read_text():
        makefile.write_text(makefile.read_text() + _RECORDER)
    recorder = source() / "kernel" / "asmrewrite_record.c"
    if not recorder.exists() or recorder.read_bytes() != (HERE / "record.c").read_bytes():
        shutil.copyfile(HERE / "record.c", recorder)


def _timed(command: list[str], environment: Mapping[str, str], log: Path) -> Built:
    start = time.monotonic()
    with log.open("ab") as file:
        file.write(f"$ {shlex.join(command)}\n".encode())
        file.flush()
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        )
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_text(errors="replace")[-2000:]
        raise CommandError(f"{shlex.join(command[:6])}: exit status {process.returncode}\n{tail}")
    return Built(time.monotonic() - start, usage.ru_utime, usage.ru_stime)
