"""A server under load: it ends when we end it, and when we end without doing so."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.usage import ENVIRONMENT

#: A server is ready within a tenth of it.
_PATIENCE = 20.0


@contextmanager
def serving(command: Sequence[str], directory: Path, ready: Callable[[], bool]) -> Iterator[int]:
    """Run a server in `directory` while the context lasts; its pid, as soon as it is `ready`."""
    # setpriv(1) becomes the server: the pid is the server's, and the kernel ends it with us.
    words = ["setpriv", "--pdeathsig", "KILL", *command]
    with subprocess.Popen(
        words, cwd=directory, env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    ) as server:
        try:
            deadline = time.monotonic() + _PATIENCE
            while not ready():
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{' '.join(command)} in {directory} does not come up")
                time.sleep(0.01)
            yield server.pid
            if server.poll() is not None:
                raise RuntimeError(f"{' '.join(command)} in {directory} ended with status {server.returncode}")
        finally:
            server.kill()
