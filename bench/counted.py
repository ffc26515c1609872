"""How many instructions programs execute, by callgrind: exact, but for what a server does by the clock."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from bench.usage import ENVIRONMENT

_SMALL = ("./speedtest1", "--memdb", "--verify", "--size", "3")
_REQUESTS = 5000


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
    """Of a server from its start to its end, one client, requests in turn."""
    with tempfile.TemporaryDirectory() as directory:
        socket, output = f"{directory}/socket", f"{directory}/callgrind"
        command = ["./redis-server", "--port", "0", "--unixsocket", socket, "--save", "", "--dir", directory]
        server = subprocess.Popen(
            [*_callgrind(output), *command], cwd=folder / "src", env=ENVIRONMENT,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while not Path(socket).is_socket():
                if server.poll() is not None:
                    raise RuntimeError("redis-server does not come up under valgrind")
            ask = ["./redis-benchmark", "-s", socket, "-c", "1", "-P", "8", "-n", str(_REQUESTS), "-t", "set,get,lpush"]
            subprocess.run(ask, cwd=folder / "src", check=True, capture_output=True)
            subprocess.run(["./redis-cli", "-s", socket, "shutdown", "nosave"], cwd=folder / "src", check=False)
            server.wait(60)
        finally:
            server.kill()
        return _total(output)
