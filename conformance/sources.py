"""Debian source packages, fetched once through apt and unpacked with Debian's patches.

The machine's own apt configuration usually lists binary packages only, and is left as it is: the
source entries are derived from it into a private configuration beside the downloads (apt.conf(5),
sources.list(5)).
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from conformance.command import CommandError, must

REPOSITORY = Path(__file__).resolve().parent.parent

#: Command needed -> the Debian package that has it.
TOOLS = {
    "dpkg-source": "dpkg-dev",
    "gcc": "gcc",
    "make": "make",
    "objdump": "binutils",
    "tclsh": "tcl",
    "xz": "xz-utils",
}

_ONE_LINE = re.compile(r"^deb\s+(?P<rest>(?:\[[^]]*\]\s+)?(?P<uri>\S+)\s.*)$")


def cache_directory() -> Path:
    """Where sources are kept: $ASMREWRITE_SOURCES, or ``build/sources`` in the repository."""
    return Path(os.environ.get("ASMREWRITE_SOURCES") or REPOSITORY / "build" / "sources").resolve()


def require_tools(tools: Mapping[str, str] = TOOLS) -> None:
    """Install what is missing when that is allowed; otherwise say in one line what to install."""
    install(sorted({package for tool, package in tools.items() if shutil.which(tool) is None}))


def install(packages: Sequence[str]) -> None:
    """Install Debian packages when that is allowed; otherwise say in one line which are missing."""
    if not packages:
        return
    if os.geteuid() != 0:
        raise CommandError(f"missing tools: apt-get install {' '.join(packages)}")
    must(["apt-get", "update"])
    must(["apt-get", "install", "--yes", "--no-install-recommends", *packages])


def fetch(package: str, cache: Path) -> Path:
    """The unpacked tree of a Debian source package, downloaded unless the cache has it."""
    tree = cache / package
    if tree.is_dir():
        return tree
    downloads = cache / "downloads" / package
    downloads.mkdir(parents=True, exist_ok=True)
    if not list(downloads.glob("*.dsc")):
        must(["apt-get", *_apt_options(cache / "apt"), "source", "--download-only", package], cwd=downloads)
    (description,) = downloads.glob("*.dsc")
    partial = cache / f"{package}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    must(["dpkg-source", "--no-copy", "--extract", str(description), str(partial)])
    # Renamed at the end: an interrupted extraction is never taken for a tree.
    partial.rename(tree)
    return tree


def fetch_archive(package: str, archive: str, members: Sequence[str], cache: Path) -> Path:
    """Parts of an upstream archive that a binary package holds (binutils-source and its like), unpacked once.

    `archive` is the archive's place in the package and `members` are what to take of it, patterns both.
    """
    tree = cache / package
    if tree.is_dir():
        return tree
    partial = cache / f"{package}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    must(["apt-get", "-o", "APT::Sandbox::User=root", "download", package], cwd=partial)
    packages = list(partial.glob("*.deb"))
    if len(packages) != 1:
        raise CommandError(f"apt-get download {package} left no package")
    must(["dpkg-deb", "-x", str(packages[0]), str(partial / "x")])
    (tarball,) = (partial / "x").glob(archive)
    must(["tar", "-xf", str(tarball), "--strip-components=1", "--wildcards", *members], cwd=partial)
    shutil.rmtree(partial / "x")
    packages[0].unlink()
    partial.rename(tree)
    return tree


def _apt_options(directory: Path) -> list[str]:
    """apt-get options that select the private configuration; its lists are fetched once."""
    entries, lists, cache = directory / "sources.list.d", directory / "lists", directory / "cache"
    options = [
        f"Dir::Etc::sourceparts={entries}",
        "Dir::Etc::sourcelist=/dev/null",
        f"Dir::State::lists={lists}",
        f"Dir::Cache={cache}",
        # The directories belong to the caller, apt's own unprivileged user cannot write them.
        "APT::Sandbox::User=root",
    ]
    flags = [word for option in options for word in ("-o", option)]
    updated = directory / "updated"
    if not updated.exists():
        shutil.rmtree(directory, ignore_errors=True)
        entries.mkdir(parents=True)
        (lists / "partial").mkdir(parents=True)
        (cache / "archives" / "partial").mkdir(parents=True)
        _write_entries(Path("/etc/apt"), entries)
        must(["apt-get", *flags, "update"])
        updated.touch()
    return flags


def _write_entries(etc: Path, target: Path) -> None:
    """Write the distribution's ``deb`` entries again as ``deb-src`` entries, in both formats."""
    parts = etc / "sources.list.d"
    stanzas = [s for file in sorted(parts.glob("*.sources")) for s in _stanzas(file.read_text())]
    lines = [
        line
        for file in [etc / "sources.list", *sorted(parts.glob("*.list"))]
        if file.exists()
        for line in _lines(file.read_text())
    ]
    if not stanzas and not lines:
        raise CommandError(f"{etc}: no entry of the distribution's own archive to derive a source entry from")
    (target / "derived.sources").write_text("\n".join(stanzas))
    (target / "derived.list").write_text("".join(lines))


def _stanzas(text: str) -> Iterator[str]:
    """The deb822 stanzas of the distribution's archive, with their types made ``deb-src``."""
    for stanza in re.split(r"\n[ \t]*\n", text):
        lines = [line for line in stanza.splitlines() if line.strip() and not line.startswith("#")]
        fields = {name.lower(): value for name, _, value in (line.partition(":") for line in lines)}
        if fields.get("enabled", "yes").strip().lower() == "no":
            continue
        if "deb" in fields.get("types", "").split() and _own(fields.get("uris", "").split()):
            yield "".join(f"{'Types: deb-src' if line.lower().startswith('types:') else line}\n" for line in lines)


def _lines(text: str) -> Iterator[str]:
    """The one-line entries of the distribution's archive as ``deb-src`` entries."""
    for line in text.splitlines():
        entry = _ONE_LINE.match(line.strip())
        if entry and _own([entry["uri"]]):
            yield f"deb-src {entry['rest']}\n"


def _own(uris: Iterable[str]) -> bool:
    """Whether an archive is the distribution's: its path names it (…/debian, …/debian-security).

    Other vendors' archives have no sources of ours, and often no source index at all.
    """
    return any(part.startswith("debian") for uri in uris for part in uri.split("://", 1)[-1].split("/")[1:])
