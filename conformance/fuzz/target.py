"""What atheris runs: ``python -m conformance.fuzz.target FOLDER [libFuzzer options]``, one process for one run.

The corpus is FOLDER/corpus. A failure is kept as FOLDER/failures/CHECKSUM.s with its reason beside it, and the run goes
on: what was found is counted in FOLDER/counts.json. A hang ends the run; libFuzzer says so and keeps the input.
"""

from __future__ import annotations

import atexit
import json
import sys
import time
import zlib
from collections import Counter
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["asmrewrite"]):
    import asmrewrite.analysis.body
    import asmrewrite.analysis.branches
    import asmrewrite.analysis.entries
    import asmrewrite.analysis.keys
    import asmrewrite.analysis.proof
    import asmrewrite.analysis.survey
    import asmrewrite.passes.call_ops
    import asmrewrite.passes.kernel_relpoline
    import asmrewrite.passes.marker
    import asmrewrite.passes.relpoline
    import asmrewrite.passes.static_call
    import asmrewrite.passes.tables
    import asmrewrite.rewriting
    import asmrewrite.syntax.operand
    import asmrewrite.syntax.statement
    import asmrewrite.verify.sites
    import asmrewrite.verify.translation  # noqa: F401 - imported here to be instrumented

from conformance.fuzz import gas
from conformance.fuzz.corpus import LONGEST, texts
from conformance.fuzz.mutator import Mutator
from conformance.fuzz.oracle import Failure, examine

#: One in so many listings without a site is assembled all the same.
SAMPLE = 16
#: Inputs between two writings of the counts.
_OFTEN = 500


class _Run:
    """A run in progress."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.counts: Counter[str] = Counter()
        self.inputs = 0
        self.started = time.monotonic()
        self.mutator = Mutator(texts(), LONGEST)
        (folder / "failures").mkdir(parents=True, exist_ok=True)

    def one(self, data: bytes) -> None:
        """Examine one listing; only what ends the process gets out of here."""
        text = data.decode("latin-1")
        self.inputs += 1
        try:
            self.counts[examine(text, sample=SAMPLE)] += 1
        except Failure as failure:
            self._keep(data, failure.kind, failure.detail)
        except Exception as error:
            self._keep(data, "crash", repr(error))
        if self.inputs % _OFTEN == 0:
            self.write()

    def change(self, data: bytes, longest: int, seed: int) -> bytes:
        """A mutation of `data`, as libFuzzer asks for them."""
        random = Random(seed)
        if random.randrange(20) == 0:
            return bytes(atheris.Mutate(data, longest))
        return self.mutator.mutate(data.decode("latin-1"), random).encode("latin-1")[:longest]

    def write(self) -> None:
        """Say how far the run is."""
        seconds = time.monotonic() - self.started
        report = {"inputs": self.inputs, "seconds": round(seconds), "outcomes": dict(self.counts.most_common())}
        temporary = self.folder / "counts.json.new"
        temporary.write_text(json.dumps(report, indent=1) + "\n")
        temporary.replace(self.folder / "counts.json")

    def _keep(self, data: bytes, kind: str, detail: str) -> None:
        self.counts[f"FAILED: {kind}"] += 1
        name = f"{zlib.crc32(data):08x}"
        (self.folder / "failures" / f"{name}.s").write_bytes(data)
        (self.folder / "failures" / f"{name}.txt").write_text(f"{kind}: {detail}\n")


def main(arguments: list[str]) -> None:
    """Fuzz until libFuzzer's options say enough."""
    folder = Path(arguments[0])
    corpus = folder / "corpus"
    run = _Run(folder)
    if not corpus.is_dir():
        corpus.mkdir(parents=True)
        for number, text in enumerate(run.mutator.texts):
            (corpus / f"seed-{number}").write_bytes(text.encode("latin-1")[:LONGEST])
    gas.limit()
    atexit.register(run.write)
    options = [
        f"-max_len={LONGEST}",
        "-timeout=60",
        "-rss_limit_mb=3000",
        f"-artifact_prefix={folder}/",
        *arguments[1:],
    ]
    atheris.Setup(["fuzz", *options, str(corpus)], run.one, custom_mutator=run.change)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
