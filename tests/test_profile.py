"""Profiles: what the runtime counts, the file that it writes, what a rebuild makes of it, and the commands on it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from asmrewrite import Options, Verdict, check, rewrite
from asmrewrite.profile import Calls, Place, ProfileError, Target, diff, merge, parse, read, write
from tests.building import ASMREWRITE, GCC, must, needs_clang, run

#: Three sites: one with a local favourite and two others, one that calls another file, one that is not called.
MAIN = """
#include <stdio.h>
#include <stdlib.h>
typedef long fn(long);
long other(long);
static __attribute__((noinline)) long twice(long n) { return 2 * n; }
__attribute__((noinline)) long thrice(long n) { return 3 * n; }
static __attribute__((noinline)) long rare(long n) { return n - 1; }
fn *volatile table[] = { twice, thrice, rare, other, labs };
__attribute__((noinline)) long busy(long count)
{
	long sum = 0;
	for (long i = 0; i < count; i++)
		sum += table[i % 200 == 199 ? 2 : i % 10 < 7 ? 0 : i % 10 < 9 ? 1 : 4](i) + 1;
	for (long i = 0; i < count; i++)
		sum ^= table[3](i) + 1;
	return sum;
}
__attribute__((noinline)) long quiet(long n) { return table[0](n) + 1; }
int main(int argc, char **argv)
{
	(void)argv;
	printf("%ld\\n", busy(1000));
	return argc > 1 ? (int)quiet(argc) : 0;
}
"""
OTHER = "long other(long n) { return n ^ 5; }\n"
COUNTED = """asmrewrite-profile 1 - learn symtab
site - busy 0
target 700 - main.c twice 0
target 200 - - thrice 0
target 95 libc.so.6 - labs 0
target 5 - main.c rare 0
site - busy 1
target 1000 - - other 0
end
"""
LEARN = {"ASMREWRITE_RUNTIME": "learn"}


def sources(folder: Path) -> list[Path]:
    """The program's files."""
    for name, text in (("main.c", MAIN), ("other.c", OTHER)):
        (folder / name).write_text(text)
    return [folder / "main.c", folder / "other.c"]


def learned(program: Path, folder: Path, *, env: dict[str, str] | None = None) -> Path:
    """Run `program` for a profile of it."""
    file = folder / f"{program.name}.profile"
    must([program], env={**LEARN, **(env or {}), "ASMREWRITE_PROFILE": str(file)})
    return file


def chains(program: Path) -> dict[str, list[list[str]]]:
    """Function -> its stubs, each what its entries lead to by objdump's word; the slow path is ""."""
    found: dict[str, list[list[str]]] = {}
    assert [str(v) for v in check(str(program)) if v.verdict is not Verdict.PASS] == []
    listing = must(["objdump", "-d", "--no-show-raw-insn", program]).text
    for function, body in re.findall(r"<([^>]+)\.relpoline\.\d+>:\n(.*?)(?:\n\n|\Z)", listing, re.DOTALL):
        led = re.findall(r"\bje +[0-9a-f]+ <([^>]+)>", body)
        found.setdefault(function, []).append(["" if name.startswith("__relpoline_") else name for name in led])
    return found


# ---- the file ----------------------------------------------------------------------------------------


def test_a_profile_is_what_was_written() -> None:
    profile = parse(COUNTED)
    assert profile[Place("", "", "busy", 0)].ranked()[0] == (Target("", "main.c", "twice", 0), 700)
    assert parse(write(profile)) == profile
    assert write(profile).splitlines()[1:] == COUNTED.splitlines()[1:]


def test_names_of_any_bytes_survive() -> None:
    odd = {
        Place("-", "a b.c", "f\\x20\n", 0): Calls({Target(".", "\udcff\x7f", "-", 16): 1, Target("", "", "", 9): 1}, 3)
    }
    assert parse(write(odd)) == odd


def test_parts_are_added_up() -> None:
    profile = parse(COUNTED + COUNTED + "asmrewrite-profile 1 lib.so on none\nsite - - 0x1234\nothers 2\nend\n")
    assert profile[Place("", "", "busy", 1)].total == 2000
    assert profile[Place("lib.so", "", "", 0x1234)] == Calls({}, 2)
    assert merge([parse(COUNTED), parse(COUNTED)]) == parse(COUNTED + COUNTED)


def test_frequent_targets() -> None:
    """At least one call in 64, by rank, of all calls of the site."""
    names = [target.symbol for target in parse(COUNTED)[Place("", "", "busy", 0)].frequent()]
    assert names == ["twice", "thrice", "labs"]
    a, b = Target("", "", "a", 0), Target("", "", "b", 0)
    assert Calls({a: 1, b: 62}, 1).frequent() == [b, a]
    assert Calls({a: 1, b: 62}, 2).frequent() == [b]


def test_differences() -> None:
    other = COUNTED.replace("target 700", "target 300").replace("target 200", "target 600")
    found = {d.target.symbol: (d.before, d.after) for d in diff(parse(COUNTED), parse(other))}
    assert found == {"twice": (0.7, 0.3), "thrice": (0.2, 0.6)}
    assert diff(parse(COUNTED), parse(COUNTED)) == []


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 0, "is empty"),
        ("hello\n", 1, "not a profile"),
        ("asmrewrite-profile 2 - learn symtab\nend\n", 1, "version 2 is not known"),
        ("asmrewrite-profile 1 - sometimes symtab\nend\n", 1, "a part begins with"),
        (COUNTED.replace("end\n", ""), 8, "is cut short"),
        (COUNTED.replace("end\n", "") + COUNTED, 9, "was cut short"),
        (COUNTED + "others 1\n", 10, "behind the end of a part"),
        (COUNTED.replace("target 200", "target many"), 4, "'many' is no number"),
        (COUNTED.replace("target 200", "target -2"), 4, "'-2' is no number"),
        (COUNTED.replace("target 200 ", "target "), 4, "takes `target CALLS"),
        (COUNTED.replace("target 200", "tarnet 200"), 4, "knows no 'tarnet'"),
        (COUNTED.replace("site - busy 0\n", ""), 2, "belongs to no site"),
        (COUNTED.replace("site - busy 0", "site - busy"), 2, "takes `site"),
        (COUNTED.replace("twice", "tw\\ice"), 3, "a backslash"),
    ],
)
def test_what_is_no_profile(text: str, line: int, words: str, tmp_path: Path) -> None:
    file = tmp_path / "x.profile"
    file.write_text(text)
    with pytest.raises(ProfileError, match=re.escape(words)) as caught:
        read(str(file))
    assert caught.value.file == str(file) and caught.value.line == line
    ran = run([ASMREWRITE, "profile", "show", file])
    assert ran.status == 1 and ran.errors.startswith(f"asmrewrite: error: {file}:{line or ''}"), ran.errors


# ---- the runtime -------------------------------------------------------------------------------------


def test_counts_are_exact(tmp_path: Path) -> None:
    """The very text, run after run."""
    must([GCC, "-O2", "-o", tmp_path / "x", *sources(tmp_path)])
    assert learned(tmp_path / "x", tmp_path).read_text() == COUNTED
    assert learned(tmp_path / "x", tmp_path).read_text() == COUNTED * 2, "the second run is appended"
    must(["strip", tmp_path / "x"])
    stripped = learned(tmp_path / "x", tmp_path, env={"ASMREWRITE_PROFILE": ""}).with_name("s")
    must([tmp_path / "x"], env={**LEARN, "ASMREWRITE_PROFILE": str(stripped)})
    assert re.match(r"asmrewrite-profile 1 - learn (dynsym|none)\nsite - - 0x", stripped.read_text())
    must([tmp_path / "x"], env={"ASMREWRITE_RUNTIME": "off", "ASMREWRITE_PROFILE": str(tmp_path / "off")})
    assert not (tmp_path / "off").exists()
    ran = must([tmp_path / "x"], env={**LEARN, "ASMREWRITE_PROFILE": str(tmp_path / "none" / "x")})
    assert "the profile cannot be written: No such file" in ran.errors


def test_windows_are_counted_while_patching(tmp_path: Path) -> None:
    must([GCC, "-O2", "-o", tmp_path / "x", *sources(tmp_path)])
    must([tmp_path / "x"], env={"ASMREWRITE_PROFILE": str(tmp_path / "p")})
    assert (tmp_path / "p").read_text().startswith("asmrewrite-profile 1 - on symtab\n")
    calls = read(str(tmp_path / "p"))[Place("", "", "busy", 0)]
    assert calls.ranked()[0][0].symbol == "twice" and 0 < calls.total <= 1000


def test_processes_write_their_own_parts(tmp_path: Path) -> None:
    """Forked children count from nothing, write at once into one file, or with %p into one each."""
    (tmp_path / "x.c").write_text(
        "#include <sys/wait.h>\n#include <unistd.h>\ntypedef long fn(long);\nlong one(long n) { return n; }\n"
        "fn *volatile p = one;\n__attribute__((noinline)) long times(long n) { long s = 0; while (n--) s += p(n) + 1;"
        " return s; }\nint main(void) { times(1000); for (int i = 0; i < 8; i++) if (!fork()) { times(10); return 0; }"
        " while (wait(0) > 0); return 0; }\n"
    )
    must([GCC, "-O2", "-o", tmp_path / "x", tmp_path / "x.c"])
    text = learned(tmp_path / "x", tmp_path).read_text()
    assert text.count("end\n") == 9 and text.count("target 10 ") == 8
    assert parse(text)[Place("", "", "times", 0)].total == 1080
    must([tmp_path / "x"], env={**LEARN, "ASMREWRITE_PROFILE": str(tmp_path / "100%%.%p")})
    files = list(tmp_path.glob("100%.*"))
    assert len(files) == 9 and sum(read(str(f))[Place("", "", "times", 0)].total for f in files) == 1080


def test_the_c_interface(tmp_path: Path) -> None:
    """A program asks for the profile when it likes; without the runtime the same source links."""
    include = must([ASMREWRITE, "--include-dir"]).text.strip()
    (tmp_path / "x.c").write_text(
        "#include <asmrewrite/relpoline.h>\n#include <stdio.h>\nlong one(long n) { return n; }\n"
        "long (*volatile p)(long) = one;\nint main(int argc, char **argv) { long n = p(argc) + 1; if (!"
        'asmrewrite_profile_write) { puts("none"); return 0; } return asmrewrite_profile_write(argv[1]) + 0 * n; }\n'
    )
    words: list[str | Path] = [GCC, "-O2", f"-I{include}", tmp_path / "x.c", "-o", tmp_path / "x"]
    for more in ([], ["-static"], ["-fno-pie", "-no-pie"]):
        must([*words, *more])
        must([tmp_path / "x", tmp_path / "p"], env=LEARN)
        assert read(str(tmp_path / "p"))[Place("", "", "main", 0)].total == 1
        (tmp_path / "p").unlink()
        must([*words, *more, "-fplugin-arg-asmrewrite-runtime=off"])
        assert must([tmp_path / "x", tmp_path / "p"], env=LEARN).text == "none\n"


# ---- a rebuild ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("flags", ["", "-fno-pie -no-pie", "-static", "-g -ffunction-sections -Wl,--gc-sections"])
def test_a_rebuild_fills_chains(flags: str, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(COUNTED)
    words: list[str | Path] = [GCC, "-O2", *flags.split(), *sources(tmp_path)]
    ours = ["runtime=off", "check=full", f"profile={tmp_path / 'p'}", f"stats={tmp_path / 'stats'}"]
    must([*words, "-o", tmp_path / "x", *(f"-fplugin-arg-asmrewrite-{key}" for key in ours)])
    must(["gcc", "-O2", "-o", tmp_path / "plain", *sources(tmp_path)])
    assert must([tmp_path / "x"]).out == must([tmp_path / "plain"]).out
    assert chains(tmp_path / "x") == {
        "busy": [["twice", "thrice", "", ""], ["", "", "", ""]], "quiet": [["", "", "", ""]],
    }  # fmt: skip
    notes = json.loads((tmp_path / "stats").read_text().splitlines()[0])["profile"]
    assert notes == {
        "sites not called": 1, "sites trained": 1, "targets named": 2, "targets of another file": 1,
        "targets of another module": 1,
    }  # fmt: skip


@needs_clang
def test_a_rebuild_by_clang(tmp_path: Path) -> None:
    words: list[str | Path] = [ASMREWRITE, "cc", "clang-14", "-O2", *sources(tmp_path), "-o", tmp_path / "x"]
    must(words)
    profile = learned(tmp_path / "x", tmp_path)
    assert sum(calls.total for calls in read(str(profile)).values()) == 2000
    said = must([tmp_path / "x"]).out
    must([*words, f"-fplugin-arg-asmrewrite-profile={profile}", "-fplugin-arg-asmrewrite-check=full"])
    assert must([tmp_path / "x"], env={"ASMREWRITE_RUNTIME": "off"}).out == said
    assert chains(tmp_path / "x")["busy"] == [["twice", "thrice", "", ""], [""] * 4]


def test_a_profile_of_something_else(tmp_path: Path) -> None:
    """No error, and in the statistics."""
    text = COUNTED.replace("busy 1", "busy 7").replace("site - busy 0", "site main.c gone 0")
    (tmp_path / "p").write_text(text.replace("- other 0", "- nobody 0"))
    main = sources(tmp_path)[0]
    must([GCC, "-O2", "-c", main, "-o", tmp_path / "x.o", f"-fplugin-arg-asmrewrite-profile={tmp_path / 'p'}",
          f"-fplugin-arg-asmrewrite-stats={tmp_path / 'stats'}"])  # fmt: skip
    assert json.loads((tmp_path / "stats").read_text())["profile"] == {"sites gone": 2, "sites not called": 3}
    ran = run([GCC, "-O2", "-c", main, "-o", tmp_path / "y.o", "-fplugin-arg-asmrewrite-profile=nowhere"])
    assert ran.status == 1 and "nowhere: cannot be read" in ran.errors and not (tmp_path / "y.o").exists()


#: Targets by how their symbols bind, and a site.
BINDINGS = """
typedef long fn(long);
__attribute__((noinline)) long plain(long n) { return n + 1; }
__attribute__((noinline, weak)) long weak(long n) { return n + 2; }
__attribute__((noinline, visibility("hidden"))) long hidden(long n) { return n + 3; }
static __attribute__((noinline)) long own(long n) { return n + 4; }
static fn *pick(void) { return plain; }
__attribute__((ifunc("pick"))) long chosen(long n);
fn *volatile table[5] = { plain, weak, hidden, own, chosen };
long site(int which, long n) { return table[which](n) + 0; }
"""


def test_targets_that_bind_otherwise(tmp_path: Path) -> None:
    """A trained object links into anything; what another module defines instead does not match, and is called."""
    (tmp_path / "b.c").write_text(BINDINGS)
    (tmp_path / "p").write_text(
        "asmrewrite-profile 1 - learn symtab\nsite - site 0\n"
        + "".join(f"target 9 - {'b.c' if name == 'own' else '-'} {name} 0\n" for name in
                  ("plain", "weak", "hidden", "own", "chosen", "elsewhere"))
        + "end\n"
    )  # fmt: skip
    (tmp_path / "m.c").write_text(
        "#include <stdio.h>\nlong site(int, long);\n#ifdef INTERPOSE\nlong plain(long n) { return n + 10; }\n"
        "long weak(long n) { return n + 20; }\n#endif\n"
        'int main(void) { for (int i = 0; i < 5; i++) printf("%ld ", site(i, 100)); return 0; }\n'
    )
    common: list[str | Path] = [GCC, "-O2", f"-fplugin-arg-asmrewrite-profile={tmp_path / 'p'}",
                                "-fplugin-arg-asmrewrite-check=full", "-fplugin-arg-asmrewrite-targets=6"]  # fmt: skip
    for words in (["-fPIC"], ["-fno-pie"]):
        must([*common, *words, "-c", tmp_path / "b.c", "-o", tmp_path / "b.o"])
        flags = [["-no-pie"]] if "-fno-pie" in words else [["-no-pie"], ["-pie"], ["-static"]]
        for flag in flags:
            must(["gcc", *flag, tmp_path / "m.c", tmp_path / "b.o", "-o", tmp_path / "x"])
            assert must([tmp_path / "x"]).text == "101 102 103 104 101 "
            assert [sorted(set(stub)) for stub in chains(tmp_path / "x")["site"]] == [
                ["", "hidden", "own", "plain", "weak"]
            ]
        if words == ["-fPIC"]:
            must(["gcc", "-shared", tmp_path / "b.o", "-o", tmp_path / "libb.so"])
            chains(tmp_path / "libb.so")
            for define, said in ([], "101 102 103 104 101 "), (["-DINTERPOSE"], "110 120 103 104 110 "):
                must(["gcc", *define, tmp_path / "m.c", tmp_path / "libb.so", "-o", tmp_path / "x"])
                assert must([tmp_path / "x"]).text == said


#: A site in f, and what it may call.
LISTING = """
	.file	"a.c"
	.text
	.type	f, @function
f:
	.cfi_startproc
	call	*%rax
	ret
	.cfi_endproc
	.globl	shown
	.type	shown, @function
shown:	ret
	.type	own, @function
own:	ret
	.type	resolver, @gnu_indirect_function
resolver:	ret
	.section	.other, "ax", @progbits
	.type	elsewhere, @function
elsewhere:	ret
	.section	.text.shared, "axG", @progbits, shared, comdat
	.weak	shared
	.type	shared, @function
shared:	ret
	.section	.text.kept, "axG", @progbits, kept, comdat
	.weak	kept
	.hidden	kept
	.type	kept, @function
kept:	ret
	.set	again, own
	.ident	"GCC: (GNU) 12.2.0"
"""


@pytest.mark.parametrize(
    ("target", "slot", "more"),
    [
        ("- shown", "shown", ""), ("a.c own", "own", ""), ("a.c again", "own", ""), ("- kept", "kept", ""),
        ("- own", "", ""), ("b.c own", "", ""), ("a.c gone", "", ""), ("a.c resolver", "", ""),
        ("a.c elsewhere", "", ""), ("- shared", "", ""), ("- shown", "", "\t.macro\tm\n\t.endm\n"),
        ("- shown", "", "\t.if 0\n\t.endif\n"),
    ],
)  # fmt: skip
def test_what_may_be_named(target: str, slot: str, more: str, tmp_path: Path) -> None:
    (tmp_path / "p").write_text(f"asmrewrite-profile 1 - learn symtab\nsite a.c f 0\ntarget 5 - {target} 0\nend\n")
    text = rewrite(more + LISTING, Options(targets=1, profile=str(tmp_path / "p"))).text
    found = re.search(r"^\t\.quad\t(\S+)$", text, re.MULTILINE)
    assert found
    stands_for: dict[str, str] = dict(re.findall(r"^\t\.set\t(\.Lasmrewrite_target_\d+), (\S+)$", text, re.MULTILINE))
    name = stands_for.get(found.group(1), str(found.group(1)))
    assert ("" if name.startswith(".Lasmrewrite_slots_") else name) == slot
    assert f"je\t{found.group(1) if slot else '__relpoline_retpoline_rax'}\n" in text
    assert bool(stands_for) == (slot not in ("", "kept"))
