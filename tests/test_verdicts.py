"""How `asmrewrite check` tells its verdicts: lines, both disassemblies, JSON and SARIF."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from asmrewrite import rewrite
from asmrewrite.cli.sarif import Result, sarif
from tests.building import ASMREWRITE, IDENT, assemble, must, options, run

LISTING = """\
	.text
	.globl	f
	.type	f, @function
f:
	call	*%rax
	nop
	je	1f
	call	*8(%rbx)
1:	ret
	.size	f, .-f
"""


@pytest.fixture(scope="module")
def objects(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """The original, what it becomes, and what another becomes."""
    folder = tmp_path_factory.mktemp("objects")
    made = [assemble(LISTING + IDENT, folder / "original.o")]
    for name, text in (("good.o", LISTING), ("bad.o", LISTING.replace("je\t1f", "jne\t1f"))):
        made.append(assemble(rewrite(text + IDENT, options("")).text, folder / name))
    return made[0], made[1], made[2]


def test_exit_status(objects: tuple[Path, Path, Path]) -> None:
    original, good, bad = objects
    assert run([ASMREWRITE, "check", "--original", original, good]).status == 0
    assert run([ASMREWRITE, "check", "--original", original, bad]).status == 1
    assert run([ASMREWRITE, "check", bad]).status == 0  # its sites are good


def test_both_disassemblies(objects: tuple[Path, Path, Path]) -> None:
    original, _, bad = objects
    lines = run([ASMREWRITE, "check", "--original", original, bad]).text.splitlines()
    assert any(line.startswith(f"{bad}: .text: FAIL: f+0x3: ") for line in lines)
    (marked,) = (line for line in lines if line.lstrip().startswith(">"))
    assert re.search(r"3: 74 03 +je .* 75 0d +jne ", marked)
    assert sum("call *%rax" in line and "call 0x" in line for line in lines) == 1


def test_the_source_line_of_a_difference(tmp_path: Path) -> None:
    listing = LISTING.replace("\tje", "\t.loc 1 7\n\tje").replace("f:\n", 'f:\n\t.file 1 "x.c"\n\t.loc 1 3\n') + IDENT
    original = assemble(listing, tmp_path / "original.o")
    new = assemble(rewrite(listing.replace("je\t1f", "jne\t1f"), options("")).text, tmp_path / "new.o")
    lines = run([ASMREWRITE, "check", "--original", original, new]).text.splitlines()
    assert ".text: f+0x3 (x.c:7)" in [line.strip() for line in lines]


def test_json(objects: tuple[Path, Path, Path]) -> None:
    original, good, bad = objects
    (entry,) = json.loads(run([ASMREWRITE, "check", "--original", original, bad, "--json"]).out)["objects"]
    text = next(section for section in entry["sections"] if section["section"] == ".text")
    assert (text["verdict"], text["place"], text["offsets"][0]) == ("FAIL", "f+0x3", 3)
    (entry,) = json.loads(must([ASMREWRITE, "check", "--json", good]).out)["objects"]
    assert [site["verdict"] for site in entry["sites"]] == ["PASS", "PASS"]
    assert "sections" not in entry


def problems_of(log: dict[str, Any]) -> list[str]:
    """What the schema of SARIF 2.1.0 would say of the parts that we write."""
    found = []
    if log["version"] != "2.1.0" or not log["$schema"].endswith("sarif-schema-2.1.0.json"):
        found.append("version")
    for one in log["runs"]:
        driver = one["tool"]["driver"]
        if not driver["name"] or len({rule["id"] for rule in driver["rules"]}) != len(driver["rules"]):
            found.append("driver")
        for result in one["results"]:
            if driver["rules"][result["ruleIndex"]]["id"] != result["ruleId"] or not result["message"]["text"]:
                found.append("rule")
            if result["level"] not in ("none", "note", "warning", "error"):
                found.append("level")
            for location in result["locations"]:
                uri = location["physicalLocation"]["artifactLocation"]["uri"]
                if not re.fullmatch(r"(?:file:///)?[\w.~%/+-]+", uri):
                    found.append(uri)
    return found


def test_sarif(objects: tuple[Path, Path, Path], tmp_path: Path) -> None:
    original, good, bad = objects
    target = tmp_path / "x.sarif"
    must([ASMREWRITE, "check", "--original", original, good, "--sarif", target])
    log = json.loads(target.read_text())
    assert problems_of(log) == []
    assert log["runs"][0]["results"] == []
    log = json.loads(run([ASMREWRITE, "check", "--original", original, bad, "--sarif=-"]).out)
    assert problems_of(log) == []
    first = log["runs"][0]["results"][0]
    assert (first["ruleId"], first["level"]) == ("translation", "error")
    assert first["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "f+0x3"
    assert first["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == f"file://{bad}"


def test_sarif_of_sites(tmp_path: Path) -> None:
    target = tmp_path / "bad sites.o"
    text = rewrite(LISTING + IDENT, options("")).text
    changed = text.replace("\t.byte\t1, 0, 0,", "\t.byte\t1, 0, 1,", 1)
    assert changed != text
    assemble(changed, target)
    log = json.loads(run([ASMREWRITE, "check", target, "--sarif", "-"]).out)
    assert problems_of(log) == []
    (result,) = log["runs"][0]["results"]
    assert (result["ruleId"], result["level"]) == ("site", "error")
    assert "bad%20sites.o" in result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]


def test_unknown_is_a_warning() -> None:
    log = sarif([Result("r", "warning", "m", "a b/c.o", ".debug_line")], {"r": "text"})
    assert problems_of(log) == []
    (location,) = log["runs"][0]["results"][0]["locations"]
    assert location["logicalLocations"][0]["kind"] == "section"
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "a%20b/c.o"


@pytest.mark.parametrize("words", [["--sarif"], ["--json", "--sarif", "-"], ["--original", "x", "y", "z"], ["--wrong"]])
def test_bad_command_lines(objects: tuple[Path, Path, Path], words: list[str]) -> None:
    assert run([ASMREWRITE, "check", *([] if words[-1] == "--sarif" else [objects[1]]), *words]).status == 2
