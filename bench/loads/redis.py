"""redis: a server without persistence on a Unix socket, and redis-benchmark (the plain one for all) beside it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.loads import SERVER, Load
from bench.programs import built
from bench.server import serving
from bench.usage import Usage, run, used_by
from bench.variants import PLAIN
from conformance.programs import redis

#: What redis-benchmark is asked for, and how many requests are about a second of the server's user time.
_LOADS = {
    "set": (("-t", "set", "-r", "100000"), 500_000),
    "get": (("-t", "get", "-r", "100000"), 500_000),
    "lpush": (("-t", "lpush"), 500_000),
    "set, 16 at once": (("-t", "set", "-r", "100000", "-P", "16"), 1_500_000),
    "get, 16 at once": (("-t", "get", "-r", "100000", "-P", "16"), 1_500_000),
    "lpush, 16 at once": (("-t", "lpush", "-P", "16"), 1_500_000),
}


def loads(folder: Path, variants: dict[str, str]) -> Iterator[Load]:
    """set, get and lpush, one request at a time and pipelined, which leaves the kernel less of the work."""
    folders = {name: built(redis, cc, folder / name / "redis") / "src" for name, cc in variants.items()}
    for name, (words, requests) in _LOADS.items():
        measures = {
            variant: partial(measure, folders[PLAIN], server, words, requests) for variant, server in folders.items()
        }
        yield Load(f"redis {name}", measures, SERVER)


def measure(client: Path, server: Path, words: tuple[str, ...], requests: int) -> Usage:
    """A new server, a tenth of the requests to warm up, and then what the requests cost it, each."""
    with tempfile.TemporaryDirectory() as directory:
        socket = f"{directory}/socket"
        command = ["./redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", directory]
        with serving(command, server, Path(socket).is_socket) as pid:
            ask = partial(_ask, client, socket, words)
            ask(requests // 10)
            start = used_by(pid)
            ask(requests)
            return used_by(pid).since(start).each(requests)


def _ask(client: Path, socket: str, words: tuple[str, ...], requests: int) -> None:
    _, output = run(["./redis-benchmark", "-s", socket, *words, "-n", str(requests), "--csv"], client)
    # A header and a line for each test; an error reply ends redis-benchmark with status 1.
    if output.count(b"\n") != 2 + words[words.index("-t") + 1].count(","):
        raise RuntimeError(f"redis-benchmark prints {output.decode()!r}")
