"""`asmrewrite audit` as a build runs it: policies, baselines, exit statuses, and what it prints."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from asmrewrite import OptionError
from asmrewrite.verify.policy import read_baseline, read_policy
from tests.building import ASMREWRITE, assemble, must, run

CALLER = "\t.globl\t{0}\n\t.type\t{0}, @function\n{0}:\n{1}\tret\n\t.size\t{0}, .-{0}\n"


def caller(name: str, count: int) -> str:
    """A function with `count` indirect calls."""
    return CALLER.format(name, "\tcall\t*%rax\n" * count)


def build(folder: Path, **functions: int) -> Path:
    """An object with these functions and their numbers of calls."""
    return assemble("".join(caller(name, count) for name, count in functions.items()), folder / "x.o")


def policy(folder: Path, text: str) -> Path:
    """A policy file."""
    (folder / "policy.toml").write_text(text)
    return folder / "policy.toml"


def status(folder: Path, *words: str) -> int:
    """The exit status of an audit of the object there."""
    return run([ASMREWRITE, "audit", "x.o", *words], folder).status


def test_without_a_policy(tmp_path: Path) -> None:
    build(tmp_path, f=2)
    ran = must([ASMREWRITE, "audit", "x.o"], tmp_path)
    assert "f+0x2" in ran.text and ran.text.endswith("1 files, 2 branches, 2 unprotected\n")
    assert "relpoline" in ran.text and ran.err == b""


def test_json(tmp_path: Path) -> None:
    build(tmp_path, f=1)
    report = json.loads(must([ASMREWRITE, "audit", "--json", "x.o"], tmp_path).out)
    (file,) = report["files"]
    assert file["summary"] == {"call": {"relpoline": 0, "retpoline": 0, "lfence": 0, "none": 1}}
    assert file["branches"][0] == {
        "file": "x.o", "section": ".text", "address": 0, "function": "f", "distance": 0, "kind": "call",
        "protection": "none", "why": "no table of sites: it was not rewritten", "text": "call *%rax",
        "indirect": True, "source": "", "line": 0,
    }  # fmt: skip
    assert report["violations"] == report["errors"] == []


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", 1),
        ("[[allow]]\n", 0),
        ('[[allow]]\nkind = "call"\nlimit = 3\n', 0),
        ('[[allow]]\nkind = "call"\nlimit = 2\n', 1),
        ('[[allow]]\nkind = ["call", "plt"]\nfunction = "f|g"\n', 0),
        ('[[allow]]\nfunction = "f"\n', 1),
        ('[[allow]]\nfunction = "f"\nlimit = 1\n[[allow]]\nfunction = "[fg]"\nlimit = 2\n', 0),
        ('[[allow]]\nkind = "jump-table"\n', 1),
        ('[[allow]]\nfile = "*.o"\n', 0),
        ('[[allow]]\nfile = "y.o"\n', 1),
        ('[[allow]]\nprotection = "lfence"\n', 1),
        ('accept = ["none"]\n', 0),
    ],
)
def test_rules(text: str, wanted: int, tmp_path: Path) -> None:
    build(tmp_path, f=1, g=2)
    assert status(tmp_path, "--policy", str(policy(tmp_path, text))) == wanted


def test_what_a_violation_says(tmp_path: Path) -> None:
    build(tmp_path, f=2)
    policy(tmp_path, "[[allow]]\nlimit = 1\n")
    ran = run([ASMREWRITE, "audit", "x.o", "--policy=policy.toml"], tmp_path)
    assert ran.errors == (
        "asmrewrite: not allowed: x.o: f+0x2: call `call *%rax`, protection none: rule 1 allows 1 and no more\n"
    )


def test_accepted_protections_are_the_policys(tmp_path: Path) -> None:
    assemble(CALLER.format("f", "\tlfence\n\tcall\t*%rax\n"), tmp_path / "x.o")
    assert status(tmp_path, "--policy", str(policy(tmp_path, ""))) == 1
    assert status(tmp_path, "--policy", str(policy(tmp_path, 'accept = ["retpoline", "lfence"]\n'))) == 0
    assert status(tmp_path, "--policy", str(policy(tmp_path, '[[allow]]\nprotection = ["lfence"]\n'))) == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("allowed = 1\n", "no key is named 'allowed'; there are accept, allow"),
        ("[[allow]]\nkinds = 'call'\n", "allow, rule 1: no key is named 'kinds'; there are kind, protection"),
        ("[[allow]]\n[[allow]]\nkind = 'calls'\n", "allow, rule 2: kind does not take 'calls'; it takes call, tail"),
        ("[[allow]]\nlimit = -1\n", "limit is -1, not a number from 0 on"),
        ("[[allow]]\nlimit = true\n", "limit is True, not a number"),
        ("[[allow]]\nfunction = '('\n", "function is no regular expression"),
        ("[[allow]]\nfile = 1\n", "file is 1, not a text"),
        ("accept = 1\n", "accept is 1, not a word or a list of words"),
        ("[allow]\n", "allow is no list of tables; write [[allow]]"),
        ("x\n", "is not TOML"),
        ("accept = ['\udcff']\n", "is not TOML"),
    ],
)
def test_a_policy_is_strict(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "policy.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(OptionError) as caught:
        read_policy(str(tmp_path / "policy.toml"))
    assert str(caught.value).startswith(f"{tmp_path}/policy.toml: ") and message in str(caught.value)


def test_sarif(tmp_path: Path) -> None:
    build(tmp_path, f=2)
    policy(tmp_path, "[[allow]]\nlimit = 1\n")
    (one,) = json.loads(must([ASMREWRITE, "audit", "x.o", "--sarif", "-"], tmp_path).out)["runs"]
    assert [found["level"] for found in one["results"]] == ["warning"] * 2
    ran = run([ASMREWRITE, "audit", "x.o", "--sarif", "x.sarif", "--policy", "policy.toml"], tmp_path)
    (found,) = json.loads((tmp_path / "x.sarif").read_text())["runs"][0]["results"]
    assert ran.status == 1 and (found["ruleId"], found["level"]) == ("branch-not-allowed", "error")
    assert found["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "f+0x2"
    assert status(tmp_path, "--json", "--sarif", "-") == 2


def test_baseline(tmp_path: Path) -> None:
    build(tmp_path, f=1, g=2)
    assert status(tmp_path, "--write-baseline", "old.toml") == 0
    found = read_baseline(str(tmp_path / "old.toml"))
    assert found == Counter({("x.o", "f", "call", "none"): 1, ("x.o", "g", "call", "none"): 2})
    assert status(tmp_path, "--baseline", "old.toml") == 0
    # Elsewhere in the object, and fewer: nothing new.
    build(tmp_path, h=0, g=1, f=1)
    assert status(tmp_path, "--baseline", "old.toml") == 0
    build(tmp_path, f=1, g=2, h=1)
    ran = run([ASMREWRITE, "audit", "x.o", "--baseline", "old.toml"], tmp_path)
    assert ran.status == 1 and ran.errors.count("\n") == 1 and ": h+0x0: call `call *%rax`" in ran.errors
    build(tmp_path, f=2, g=2)
    ran = run([ASMREWRITE, "audit", "x.o", "--baseline", "old.toml"], tmp_path)
    assert ran.status == 1 and "of 2 such branches of f the baseline has 1: one is new" in ran.errors


def test_a_baseline_leaves_out_what_the_policy_allows(tmp_path: Path) -> None:
    build(tmp_path, f=1, g=1)
    policy(tmp_path, "[[allow]]\nfunction = 'f'\n")
    assert status(tmp_path, "--policy", "policy.toml", "--write-baseline", "old.toml") == 0
    assert {name.function for name in read_baseline(str(tmp_path / "old.toml"))} == {"g"}
    assert status(tmp_path, "--policy", "policy.toml", "--baseline", "old.toml") == 0


def test_numbers_of_clones_are_no_identity(tmp_path: Path) -> None:
    def clone(suffix: str) -> None:
        assemble(CALLER.format(f'"f.{suffix}"', "\tcall\t*%rax\n"), tmp_path / "x.o")

    clone("constprop.0.cold")
    assert status(tmp_path, "--write-baseline", "old.toml") == 0
    clone("constprop.3.cold")
    assert status(tmp_path, "--baseline", "old.toml") == 0
    clone("other.0")
    assert status(tmp_path, "--baseline", "old.toml") == 1


def test_odd_names_survive_a_baseline(tmp_path: Path) -> None:
    assemble(CALLER.format('"a\\"\\\\[b]é"', "\tcall\t*%rax\n"), tmp_path / "x.o")
    assert status(tmp_path, "--write-baseline", "old.toml") == 0
    assert status(tmp_path, "--baseline", "old.toml") == 0


def test_errors_are_status_2(tmp_path: Path) -> None:
    build(tmp_path, f=1)
    (tmp_path / "cut.o").write_bytes((tmp_path / "x.o").read_bytes()[:-1])
    ran = run([ASMREWRITE, "audit", "cut.o", "missing.o", "x.o"], tmp_path)
    assert ran.status == 2 and "1 files, 1 branches" in ran.text
    assert "cut.o: is malformed: it ends inside the section headers" in ran.errors
    assert "missing.o: No such file or directory" in ran.errors
    assert status(tmp_path, "--policy", "nowhere.toml") == 2
    assert status(tmp_path, "--polic", "x") == 2
    assert status(tmp_path, "--baseline", "a", "--write-baseline", "b") == 2
    assert run([ASMREWRITE, "audit"], tmp_path).status == 2
