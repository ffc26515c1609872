"""How many instructions programs execute, by callgrind: exact, but for what a server does by the clock."""

from __future__ import annotations

import re
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from bench.usage import ENVIRONMENT

_SMALL = ("./speedtest1", "--memdb", "--verify", "--size", "3")
_REQUESTS = 5000
#: Little is done by the clock, and no key moved to a larger table.
_QUIET = ("--hz", "1", "--dynamic-hz", "no", "--activerehashing", "no")
_SAME_RANDOM = Path(__file__).resolve().parent / "micro" / "same_random.c"


def _callgrind(output: str) -> list[str]:
    return ["valgrind", "--tool=callgrind", "--smc-check=all", f"--callgrind-out-file={output}"]


def _total(output: str) -> int:
    return int(re.findall(r"^(?:summary|totals): (\d+)", Path(output).read_text(), re.MULTILINE)[-1])


def sqlite3(folder: Path) -> int:
    """Of speedtest1, small."""
    with tempfile.NamedTemporaryFile() as output:
        subprocess.run(
            [*_callgrind(output.name), *_SMALL], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True
        )
        return _total(output.name)


def redis(folder: Path) -> int:
    """Of a server from its start to its end, one client, requests in turn; its hashes are those of each other run.

    What it still does by the clock only adds: the least of three.
    """
    return min(_redis(folder) for _ in range(3))


def _redis(folder: Path) -> int:
    with tempfile.TemporaryDirectory() as directory:
        place, output, same = (f"{directory}/{name}" for name in ("socket", "callgrind", "same.so"))
        subprocess.run(["gcc", "-O2", "-fPIC", "-shared", str(_SAME_RANDOM), "-o", same], check=True)
        command = ["./redis-server", "--port", "0", "--unixsocket", place, "--save", "", "--dir", directory, *_QUIET]
        server = subprocess.Popen(
            [*_callgrind(output), *command], cwd=folder / "src", env={**ENVIRONMENT, "LD_PRELOAD": same},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not _listens(place):
                if server.poll() is not None:
                    raise RuntimeError("redis-server does not come up under valgrind")
                time.sleep(0.05)
            ask = ["./redis-benchmark", "-s", place, "-c", "1", "-P", "8", "-n", str(_REQUESTS), "-t", "set,get,lpush"]
            subprocess.run(ask, cwd=folder / "src", check=True, capture_output=True)
            subprocess.run(["./redis-cli", "-s", place, "shutdown", "nosave"], cwd=folder / "src", check=False)
            server.wait(60)
        finally:
            server.kill()
        return _total(output)


def _listens(path: str) -> bool:
    """Whether somebody does at this socket: it is there before."""
    with socket.socket(socket.AF_UNIX) as made:
        return made.connect_ex(path) == 0
