"""Running a command: a failure is an exception that shows the end of what was printed."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

#: A hanging program must end as a failure; the slowest compilation takes a tenth of it.
TIMEOUT = 1800.0


class CommandError(Exception):
    """A command could not be started, took too long or returned another status than asked."""


@dataclass(frozen=True)
class Ran:
    """What one command left behind."""

    #: The exit status; minus the number of the signal that killed it.
    status: int
    #: Everything written to the two streams, kept apart: their interleaving is not deterministic.
    stdout: bytes
    stderr: bytes


def run(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: Path | None = None,
    timeout: float = TIMEOUT,
) -> Ran:
    """Run ``argv`` to its end, whatever its status; raise `CommandError` when it has none."""
    try:
        with (stdin or Path("/dev/null")).open("rb") as source:
            done = subprocess.run(
                argv, cwd=cwd, env=env, stdin=source, capture_output=True, timeout=timeout, check=False
            )
    except OSError as error:
        raise CommandError(f"{argv[0]}: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(f"{' '.join(argv)}: still running after {timeout:.0f} s") from error
    return Ran(done.returncode, done.stdout, done.stderr)


def must(argv: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> bytes:
    """Run ``argv`` and return its standard output; raise `CommandError` unless it succeeds."""
    ran = run(argv, cwd=cwd, env=env)
    if ran.status != 0:
        tail = (ran.stderr or ran.stdout).decode(errors="replace").strip()[-2000:]
        raise CommandError(f"{' '.join(argv)}: exit status {ran.status}\n{tail}")
    return ran.stdout
