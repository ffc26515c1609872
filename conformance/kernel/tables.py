"""One object: its listing's tables, as we emit them, against those that objtool wrote into the built object."""

import os
import re
import shlex
import tempfile
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
#: All that we do.
WHOLE = Options(abi="kernel", tables=TABLES, passes=("relpoline", "static-call"))
_RECORDED = '\t.section __mcount_loc, "a",@progbits\n\t.quad 1b\n\t.previous\n'
_COMMAND = re.compile(r"^(?:saved)?cmd_\S+ := (.*)$", re.MULTILINE)
_OBJTOOL_WORDS = re.compile(r"objtool/objtool +(.*?) +\S+\.o *(?:;|$)", re.MULTILINE)
#: What objtool need not do for us; it warns of tables that are there.
_MADE = frozenset({"--static-call", "--retpoline", "--rethunk", "--mcount"})
_OBJTOOL = re.compile(r"^(.*?) *; *\S*/objtool .*$")


class Compared(NamedTuple):
    """Entries by table, what differs, and the object that was proven."""

    counts: dict[str, int]
    problems: list[str]
    rewritten: bytes


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


def compare(text: str, built: bytes, name: str, options: Options = WHOLE) -> Compared:
    """Our tables for the listing `text` against those of the object `built`, and a proof of the rewriting.

    What is proven is made with `options`, and is `rewritten` in what comes back.
    """
    problems: list[str] = []
    # gcc has recorded the calls of __fentry__ itself; we shall do it.
    without = text.replace(_RECORDED, "")
    made = _assembled(rewrite(without, _TABLES_ALONE, file=name).text, name)
    ours, theirs = _tables(made, name), _tables(built, name)
    for word in TABLES:
        if ours[word] != theirs[word]:
            more, less = sorted(ours[word] - theirs[word])[:3], sorted(theirs[word] - ours[word])[:3]
            problems.append(f"{name}: {word}: only ours {more}, only objtool's {less}")
    rewritten = _assembled(rewrite(text, options, file=name).text, name)
    proof = validate_bytes(_assembled(text, name), rewritten, name)
    problems += [f"{name}: {v.section}: {v.reason}" for v in proof.sections if v.reason]
    problems += [str(v) for v in proof.sites if v.reason]
    return Compared({word: len(entries) for word, entries in theirs.items()}, problems, rewritten)


def objtool(folder: Path, name: str, content: bytes) -> list[str]:
    """What the tree's objtool says of an object with `content` in the place of `name`, its tables made already."""
    place = folder / name
    said = _OBJTOOL_WORDS.search((place.parent / f".{place.name}.cmd").read_text(errors="replace"))
    if said is None:
        raise CommandError(f"{name}: objtool was not run on it")
    words = [word for word in said.group(1).split() if word not in _MADE]
    with tempfile.NamedTemporaryFile(suffix=".o") as file:
        file.write(content)
        file.flush()
        ran = run([str(folder / "tools" / "objtool" / "objtool"), *words, file.name])
    text = (ran.stdout + ran.stderr).decode(errors="replace").replace(file.name, name)
    status = [f"{name}: objtool: exit status {ran.status}"] if ran.status else []
    return [f"{name}: objtool: {line}" for line in text.splitlines()[:3]] + status


def command(folder: Path, name: str) -> list[str]:
    """The words of the compiler's command that made the object `name`, without those for the depfile."""
    place = folder / name
    found = _COMMAND.search((place.parent / f".{place.name}.cmd").read_text(errors="replace"))
    if found is None:
        raise CommandError(f"{name}: no command made it")
    words = shlex.split(_OBJTOOL.sub(r"\1", found.group(1)).replace("$(pound)", "#").replace("$$", "$"))
    return [word for word in words if not word.startswith("-Wp,-MMD")]


def listing(folder: Path, name: str) -> str:
    """What the compiler prints for the object `name`, with its notes."""
    words = command(folder, name)
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
