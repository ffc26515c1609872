"""Write tests/golden/*.out.s anew, to be reviewed as a diff: ``python -m tests.regenerate``."""

from __future__ import annotations

from tests.building import golden, golden_names


def main() -> None:
    """Rewrite every input and say which outputs changed."""
    for name in golden_names():
        case = golden(name)
        before = case.output.read_text("latin-1") if case.output.exists() else ""
        after = case.rewritten().text
        if after != before:
            case.output.write_text(after, "latin-1")
            print(f"{'changed' if before else 'new'}: {case.output.name}")


if __name__ == "__main__":
    main()
