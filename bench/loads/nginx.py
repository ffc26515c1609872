"""nginx: one worker and a small file, fetched by wrk through loopback."""

from __future__ import annotations

import re
import socket
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.loads import SERVER, Load
from bench.programs import built
from bench.server import serving
from bench.usage import Usage, run, used_by
from conformance.programs import nginx

_CONFIGURATION = """
daemon off;
master_process off;  # one process: the worker itself
pid nginx.pid;
events { worker_connections 128; }
http {
    access_log /dev/null combined buffer=64k;
    open_file_cache max=16;
    default_type text/plain;
    keepalive_requests 1000000000;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server { listen 127.0.0.1:PORT; location / { root html; } }
}
"""
_SMALL = b"x" * 600 + b"\n"
#: What wrk sends at once; several leave the kernel less of the work.
_LOADS = {"small file": 1, "small file, 16 at once": 16}
_SCRIPT = """
local words
function init() words = string.rep(wrk.format(), COUNT) end
function request() return words end
"""
_SECONDS = 6


def loads(folder: Path, variants: dict[str, str]) -> Iterator[Load]:
    """A small file, one request after the other and pipelined."""
    folders = {name: built(nginx, cc, folder / name / "nginx") / "objs" for name, cc in variants.items()}
    for load, at_once in _LOADS.items():
        measures = {name: partial(_measure, server, at_once) for name, server in folders.items()}
        yield Load(f"nginx {load}", measures, SERVER)


def _measure(server: Path, at_once: int) -> Usage:
    """A new server, a second to warm up, and then what requests cost it, each."""
    with tempfile.TemporaryDirectory() as directory:
        port = _free_port()
        prefix = Path(directory)
        (prefix / "html").mkdir()
        (prefix / "html" / "small.txt").write_bytes(_SMALL)
        (prefix / "nginx.conf").write_text(_CONFIGURATION.replace("PORT", str(port)))
        (prefix / "wrk.lua").write_text(_SCRIPT.replace("COUNT", str(at_once)))
        command = ["./nginx", "-p", f"{directory}/", "-c", "nginx.conf", "-e", "stderr"]
        with serving(command, server, partial(_listens, port)) as pid:
            _ask(port, 1, prefix)
            start = used_by(pid)
            requests = _ask(port, _SECONDS, prefix)
            return used_by(pid).since(start).each(requests)


def _ask(port: int, seconds: int, prefix: Path) -> int:
    """Load the server for some seconds: how many requests it answered."""
    url = f"http://127.0.0.1:{port}/small.txt"
    _, output = run(["wrk", "-t", "1", "-c", "16", "-d", str(seconds), "-s", "wrk.lua", url], prefix)
    total = re.search(rb"(\d+) requests in", output)
    # wrk speaks of errors only if there were some.
    if total is None or b"Non-2xx" in output or b"Socket errors" in output:
        raise RuntimeError(f"wrk prints {output.decode()}")
    return int(total[1])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
