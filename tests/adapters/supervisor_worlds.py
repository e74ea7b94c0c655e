"""A real supervisord for the tests of its adapters, with more programs than any test needs."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.adapters import loopback
from tests.adapters.process_worlds import MARK
from tests.adapters.worlds import end_marked

USER, PASSWORD = "ada", "s3cret-word"

CONFIG = """
[supervisord]
logfile={folder}/supervisord.log
pidfile={folder}/supervisord.pid
childlogdir={folder}
identifier=test
minfds=2048
environment={mark_name}="{mark}"

[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface

[unix_http_server]
file={folder}/s.sock

[inet_http_server]
port=127.0.0.1:{port}
username={user}
password={password}
"""

PROGRAM = """
[program:{name}]
command={command}
process_name=%(program_name)s_%(process_num)d
numprocs={count}
autostart=false
autorestart={autorestart}
startsecs={startsecs}
startretries=1
stopwaitsecs={stopwaitsecs}
"""

# name: command, how many, startsecs, autorestart
PROGRAMS: dict[str, tuple[str, int, int, str]] = {
    "plain": ("sleep 600", 160, 0, "true"),
    "deaf": ("sh -c \"trap '' TERM; echo up; while :; do sleep 600; done\"", 6, 0, "true"),
    "slow": ("sleep 600", 4, 1, "true"),
    "broken": ("sh -c 'echo no luck >&2; exit 3'", 4, 1, "true"),
    "short": ("sh -c 'sleep 0.1; exit 3'", 4, 0, "false"),
    "again": ("sh -c 'sleep 0.05; exit 3'", 4, 0, "true"),
    "missing": ("{folder}/no-such-program", 2, 0, "true"),
    "counting": ("sh -c 'trap \"echo got >> {folder}/signals\" USR1; echo up; while :; do sleep 0.01; done'",
                 4, 0, "true"),
    "talking": ("sh -c 'cat {folder}/words; exec sleep 600'", 4, 0, "true"),
}  # fmt: skip


@dataclass
class Server:
    """A running supervisord. take: the full name of a program nobody has used yet."""

    folder: Path
    port: int
    _counts: dict[str, Iterator[int]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"unix://{self.folder}/s.sock"

    def take(self, kind: str = "plain", *, running: bool = False) -> str:
        number = next(self._counts.setdefault(kind, itertools.count()))
        name = f"{kind}:{kind}_{number}"
        if running:
            self.call("startProcess", name)
            self.wait_until_up(name)
        return name

    def wait_until_up(self, name: str) -> None:
        """Wait until it is the program and no longer supervisord's copy, and has said so if it does."""
        says_so = any(name.startswith(kind) for kind in ("deaf", "counting"))
        latest = time.monotonic() + 10
        while True:
            info = self.info(name)
            words = psutil.Process(info["pid"]).cmdline()
            said = Path(info["stdout_logfile"]).read_text() if says_so else "up"
            if "supervisor.supervisord" not in words and "up" in said:
                return
            assert time.monotonic() < latest, words
            time.sleep(0.005)

    def call(self, method: str, *params: str | int | bool) -> Any:
        """Its interface, past the adapter, over HTTP."""
        url = f"http://{USER}:{PASSWORD}@127.0.0.1:{self.port}/RPC2"
        with xmlrpc.client.ServerProxy(url) as proxy:
            return getattr(proxy.supervisor, method)(*params)

    def options(self, name: str, **more: Any) -> dict[str, Any]:
        return {"url": self.url, "process": name, **more}

    def info(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("getProcessInfo", name)
        return found

    def state(self, name: str) -> str:
        return str(self.info(name)["statename"])

    def running(self, name: str) -> Callable[[], bool]:
        """A look at its process, past supervisord as well."""

        def look() -> bool:
            pid = self.info(name)["pid"]
            return bool(pid) and psutil.pid_exists(pid)

        return look


@contextlib.contextmanager
def supervisord(folder: Path) -> Iterator[Server]:
    """A server without running programs; ended with all of them."""
    if importlib.util.find_spec("supervisor") is None:
        pytest.skip("no supervisord here (the package supervisor)")
    (folder / "words").write_text("first\nlast: é ü\x1b[0m \x00 end\n")
    try:
        port = _started(folder)
        _wait(folder)
        yield Server(folder, port)
    finally:
        _stop_daemon(folder / "supervisord.pid")
        # Orphans of killed programs have no other link to it left.
        end_marked(MARK, str(folder))


def _started(folder: Path) -> int:
    """Start it as a daemon, so that what it starts does not count as ours; the port of its HTTP server."""
    said = ""
    for _ in range(5):  # a free port may be taken by somebody else before it is used
        port = loopback.closed_port()
        (folder / "x.conf").write_text(_config(folder, port))
        argv = [sys.executable, "-m", "supervisor.supervisord", "-c", str(folder / "x.conf")]
        env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        ended = subprocess.run(
            argv, cwd=folder, env=env, check=False, capture_output=True, text=True, timeout=30
        )
        if ended.returncode == 0:
            return port
        said = ended.stderr
    raise AssertionError(said)


def _config(folder: Path, port: int) -> str:
    text = CONFIG.format(
        folder=folder, port=port, user=USER, password=PASSWORD, mark_name=MARK, mark=folder
    )
    for name, (command, count, startsecs, autorestart) in PROGRAMS.items():
        text += PROGRAM.format(
            name=name,
            command=command.replace("{folder}", str(folder)),
            count=count,
            startsecs=startsecs,
            autorestart=autorestart,
            stopwaitsecs=30,
        )
    return text


def _wait(folder: Path) -> None:
    latest = time.monotonic() + 20
    while not (folder / "supervisord.pid").exists():
        assert time.monotonic() < latest, (folder / "supervisord.log").read_text()
        time.sleep(0.005)


def _stop_daemon(pid_file: Path) -> None:
    with contextlib.suppress(psutil.Error, OSError, ValueError):
        daemon = psutil.Process(int(pid_file.read_text()))
        daemon.kill()
