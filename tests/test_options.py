"""Options: every key and its values, where they may be said, and which word wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from asmrewrite import OptionError, Options
from asmrewrite.options import KEYS, find_file, from_file, from_flags, gather, merged

GOOD = {
    "passes": ("relpoline, static-call", ("relpoline", "static-call")),
    "abi": ("kernel", "kernel"),
    "bundle": ("6", 6),
    "align": ("p2align", "p2align"),
    "slow": ("lfence", "lfence"),
    "targets": ("8", 8),
    "inline-asm": ("yes", True),
    "functions": ("hot_.*|f", "hot_.*|f"),
    "skip-functions": ("cold", "cold"),
    "check": ("off", "off"),
    "runtime": ("off", False),
    "profile": ("x.profile", "x.profile"),
    "tables": ("static-call, mcount", ("static-call", "mcount")),
    "stats": ("/dev/null", "/dev/null"),
    "on-unsure": ("error", "error"),
    "static-call-prefix": ("a_,b_", ("a_", "b_")),
    "ops-layout": ("literal", "literal"),
    "ops-min-size": ("3", 3),
    "ops-sections": (".text", ".text"),
}
BAD = {
    "abi": "windows", "bundle": "2", "align": "none", "slow": "quick", "targets": "0", "inline-asm": "maybe",
    "functions": "(", "skip-functions": "[", "check": "deep", "tables": "orc",
    "on-unsure": "warn", "ops-layout": "list", "ops-min-size": "-1", "ops-sections": "(",
}  # fmt: skip


def test_every_key_is_here_and_in_options() -> None:
    assert set(GOOD) == set(KEYS) == {field.replace("_", "-") for field in Options._fields}


@pytest.mark.parametrize("key", GOOD)
def test_good_values(key: str) -> None:
    text, value = GOOD[key]
    assert getattr(merged([(key, text, "here")]), key.replace("-", "_")) == value


@pytest.mark.parametrize("key", BAD)
def test_bad_values(key: str) -> None:
    with pytest.raises(OptionError) as caught:
        merged([(key, BAD[key], "here")])
    assert str(caught.value).startswith(f"here: option {key}=") and key in caught.value.message


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("bundel", "bundle"), ("inline_asm", "inline-asm"), ("target", "targets"), ("skip-function", "skip-functions")],
)
def test_an_unknown_key_gets_a_suggestion(wrong: str, right: str) -> None:
    with pytest.raises(OptionError, match=f"no option is named '{wrong}'; did you mean {right}"):
        merged([(wrong, "1", "here")])


def test_an_unlike_key_gets_the_list() -> None:
    with pytest.raises(OptionError, match="the options are passes, abi, bundle"):
        merged([("zzzzzz", "1", "here")])


def test_defaults_by_abi() -> None:
    assert (Options().chosen, Options().block) == (("relpoline", "static-call", "marker"), 3)
    assert (Options(abi="kernel").chosen, Options(abi="kernel").block) == (("static-call",), 4)
    assert Options(abi="kernel", bundle=6).block == 6
    assert Options(abi="kernel", passes=("x",)).chosen == ("x",)


def test_flags_are_quoted_as_a_shell_quotes() -> None:
    assert from_flags("a=1 b c=") == [
        ("a", "1", "ASMREWRITE_FLAGS"),
        ("b", "on", "ASMREWRITE_FLAGS"),
        ("c", "", "ASMREWRITE_FLAGS"),
    ]
    assert [value for _, value, _ in from_flags("a='x y' b=\"z\" c=\\ d")] == ["x y", "z", " d"]


def test_an_open_quote_is_an_option_error() -> None:
    with pytest.raises(OptionError):
        from_flags("functions='a")


def test_file(tmp_path: Path) -> None:
    file = tmp_path / "asmrewrite.toml"
    file.write_text('bundle = 5\npasses = ["relpoline"]\ninline-asm = true\nslow = "plain"\n')
    chosen = merged(from_file(str(file)))
    assert (chosen.bundle, chosen.passes, chosen.inline_asm, chosen.slow) == (5, ("relpoline",), True, "plain")
    file.write_text("bundle = \n")
    with pytest.raises(OptionError, match="is not TOML"):
        from_file(str(file))
    file.write_text("[table]\nx = 1\n")
    with pytest.raises(OptionError, match="no option is named 'table'"):
        merged(from_file(str(file)))


def test_the_nearest_file(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "asmrewrite.toml").write_text("")
    assert find_file(str(deep)) == str(tmp_path / "asmrewrite.toml")
    (tmp_path / "a" / "asmrewrite.toml").write_text("")
    assert find_file(str(deep)) == str(tmp_path / "a" / "asmrewrite.toml")


def test_the_nearest_word_wins(tmp_path: Path) -> None:
    (tmp_path / "asmrewrite.toml").write_text("bundle = 4\ntargets = 2\nslow = 'plain'\n")
    environment = {"ASMREWRITE_FLAGS": "bundle=5 targets=3"}
    chosen = gather([("bundle", "6", "command line")], environment, str(tmp_path))
    assert (chosen.bundle, chosen.targets, chosen.slow) == (6, 3, "plain")
