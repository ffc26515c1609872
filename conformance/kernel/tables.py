"""One object: its listing's tables, as we emit them, against those that objtool wrote into the built object."""

import os
import re
import shlex
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from asmrewrite import Options, assemble, rewrite, validate_bytes
from asmrewrite.stubs import kernel
from asmrewrite.verify.image import Image, Location
from conformance.command import CommandError, run

TABLES = tuple(kernel.TABLES)
#: Tables and no sites: every offset is then that of the plain object.
_TABLES_ALONE = Options(abi="kernel", tables=TABLES, functions="[^\\s\\S]")
_WHOLE = Options(abi="kernel", tables=TABLES, passes=("relpoline", "static-call"))
_RECORDED = '\t.section __mcount_loc, "a",@progbits\n\t.quad 1b\n\t.previous\n'
_COMMAND = re.compile(r"^(?:saved)?cmd_\S+ := (.*)$", re.MULTILINE)
_OBJTOOL = re.compile(r"^(.*?) *; *\S*/objtool .*$")


class Compared(NamedTuple):
    """Entries by table, and what differs."""

    counts: dict[str, int]
    problems: list[str]


def objects(folder: Path) -> list[str]:
    """The objects under `folder` that were made of one C file, and that objtool was run on."""
    found = []
    for command in sorted(folder.glob("**/.*.o.cmd")):
        text = command.read_text(errors="replace").partition("\n")[0]
        if "objtool" in text and re.search(r"\S\.c *;", text):
            name = command.parent / command.name[1:].removesuffix(".cmd")
            found.append(str(name.relative_to(folder)))
    return found


def compare_object(folder: Path, name: str) -> Compared:
    """The same for the object `name` of a build folder; its listing is made by the command that made it."""
    return compare(listing(folder, name), (folder / name).read_bytes(), name)


def compare(text: str, built: bytes, name: str) -> Compared:
    """Our tables for the listing `text` against those of the object `built`, and a proof of the rewriting."""
    problems: list[str] = []
    # gcc has recorded the calls of __fentry__ itself; we shall do it.
    without = text.replace(_RECORDED, "")
    made = _assembled(rewrite(without, _TABLES_ALONE, file=name).text, name)
    ours, theirs = _tables(made, name), _tables(built, name)
    for word in TABLES:
        if ours[word] != theirs[word]:
            more, less = sorted(ours[word] - theirs[word])[:3], sorted(theirs[word] - ours[word])[:3]
            problems.append(f"{name}: {word}: only ours {more}, only objtool's {less}")
    proof = validate_bytes(_assembled(text, name), _assembled(rewrite(text, _WHOLE, file=name).text, name), name)
    problems += [f"{name}: {v.section}: {v.reason}" for v in proof.sections if v.reason]
    problems += [str(v) for v in proof.sites if v.reason]
    return Compared({word: len(entries) for word, entries in theirs.items()}, problems)


def listing(folder: Path, name: str) -> str:
    """What the compiler prints for the object `name`, with its notes."""
    place = folder / name
    command = _COMMAND.search((place.parent / f".{place.name}.cmd").read_text(errors="replace"))
    if command is None:
        raise CommandError(f"{name}: no command made it")
    compile_ = _OBJTOOL.sub(r"\1", command.group(1))
    words = shlex.split(compile_.replace("$(pound)", "#").replace("$$", "$"))
    words = [word for word in words if not word.startswith("-Wp,-MMD")]
    output = words.index("-o")
    words[output : output + 2] = ["-o", "-"]
    words[words.index("-c")] = "-S"
    ran = run([*words, "-dp"], cwd=folder)
    if ran.status:
        raise CommandError(f"{name}: {ran.stderr.decode(errors='replace')[-1000:]}")
    return ran.stdout.decode("latin-1")


def _assembled(text: str, name: str) -> bytes:
    made = assemble(text)
    if made.status:
        raise CommandError(f"{name}: {os.fsdecode(made.messages)[-1000:]}")
    return made.content


def _tables(content: bytes, name: str) -> dict[str, set[tuple[str, int, str, int]]]:
    """(Section, offset, key, flags) of every entry, by table."""
    image = Image(name, BytesIO(content))
    found: dict[str, set[tuple[str, int, str, int]]] = {}
    for word, table in kernel.TABLES.items():
        entries = found.setdefault(word, set())
        for section in image.named(table.section):
            for offset in range(0, len(section.data), table.size):
                site = image.follow_field(section, offset)
                key, flags = _key(image, image.follow(section, offset + 4)) if word == "static-call" else ("", 0)
                if site is None:
                    raise CommandError(f"{name}: an entry of {table.section} leads nowhere")
                entries.add((image.sections[site.section].name, site.offset, key, flags))
    return found


def _key(image: Image, place: Location | None) -> tuple[str, int]:
    if place is None:
        return "?", 0
    if place.symbol:
        return place.symbol, place.offset
    flags = place.offset & 3
    names = [s.name for s in image.symbols if (s.section, s.value) == (place.section, place.offset - flags)]
    return next((n for n in names if n.startswith(("__SCK__", "__SCT__"))), "?"), flags
