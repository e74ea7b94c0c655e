"""The ground an emergency happens on: the real shop, its documents, and what is seen from outside."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from allstop.sandbox import reaping
from allstop.sandbox.control import ControlClient
from allstop.sandbox.documents import Pace, write_project
from allstop.sandbox.layout import AGENTS, Layout, SandboxError, read_record
from allstop.sandbox.processes import base_environment
from tests.torture.journal import JOURNAL, KEEPER

PACE = Pace(window="2s", cadence="30s", roll_call="2s", interval="300ms")
UP_SECONDS = 40.0


class GroundError(RuntimeError):
    """The shop could not be set up; nothing is said about Allstop."""


@dataclass(frozen=True, slots=True)
class Ground:
    """A shop that sells and a project folder that knows it."""

    folder: Path
    home: Path
    control: ControlClient

    @property
    def database(self) -> Path:
        return self.home / ".allstop" / "allstop.db"

    def routes(self) -> dict[str, dict[str, Any]]:
        """The gateway's own table."""
        url = read_record(self.folder)["urls"]["gateway"]
        found = httpx.get(f"{url}/admin/routes", timeout=5.0).raise_for_status().json()["routes"]
        return dict(found)

    def release(self, service: str) -> str:
        """What the running process itself says it runs."""
        return str(self.control.status(service)["release"])

    def rollbacks(self, service: str) -> list[str]:
        """The Allstop-Key of every [ROLLBACK] commit of a service, newest first."""
        repository = str(Layout.of(self.folder).release(service))
        said = subprocess.run(
            ["git", "-C", repository, "log", "--grep=^\\[ROLLBACK\\]", "--format=%(trailers:key=Allstop-Key,valueonly)"],
            capture_output=True, text=True, check=True, env=base_environment(Layout.of(self.folder)),
        )  # fmt: skip
        return [line for line in said.stdout.splitlines() if line]

    def halted(self) -> dict[str, bool]:
        """What each agent's halt file tells it right now."""
        found = {}
        for agent in AGENTS:
            try:
                found[agent] = "\nmode halt\n" in (self.home / "halts" / agent).read_text("utf-8")
            except FileNotFoundError:
                found[agent] = False
        return found


@contextmanager
def ground() -> Iterator[Ground]:
    """Set it up; end every process and remove every file at the end. Raises GroundError."""
    folder = Path(tempfile.mkdtemp(prefix="allstop-torture-"))
    home = folder / "project"
    shop = None
    try:
        reaping.register(folder)
        shop = _start(folder)
        _write(home, folder)
        yield Ground(folder, home, ControlClient(folder))
    finally:
        # It may never have come up; the reaper ends what is there.
        with suppress(SandboxError):
            ControlClient(folder).down()
        reaping.end_processes(folder)
        if shop is not None:
            shop.kill()
            shop.wait()
        reaping.unregister(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> subprocess.Popen[bytes]:
    log = folder / "shop.log"
    with log.open("wb") as output:
        shop = subprocess.Popen(
            [sys.executable, "-m", "allstop.sandbox", "up", str(folder), "--rate", "6"],
            stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            env=base_environment(Layout.of(folder)),
        )  # fmt: skip
    until = time.monotonic() + UP_SECONDS
    while time.monotonic() < until and shop.poll() is None:
        try:
            read_record(folder)
            return shop
        except SandboxError:
            time.sleep(0.05)
    shop.kill()
    shop.wait()
    raise GroundError(f"the shop did not come up: {log.read_text(errors='replace')[-800:]}")


def _write(home: Path, folder: Path) -> None:
    """The demo's documents, faster, without approvals, and with every program under a witness."""
    write_project(home, folder, read_record(folder), PACE)
    # The agents know one address: it must be the same in every life.
    (home / "allstop.toml").write_text(f"port = {_free_port()}\n", "utf-8")
    protocol = _read(home / "protocol.yaml")
    protocol["remedy"] |= {
        # Evidence waits while nobody lives; the table must not decide without it.
        "decide_within": "60s",
        "gate": {"samples": 2, "window": "600ms", "limit": "60s"},
    }
    protocol["approvals"] = {
        "table": [
            {
                "when": {"protected": True},
                "by": ["owner"],
                "people": 1,
                "because": "it is protected",
            },
            {"people": 0, "because": "nobody is there to ask"},
        ]
    }
    _save(home / "protocol.yaml", protocol)
    fleet = _read(home / "fleet.yaml")
    fleet["monitor"]["known_good_after"] = "1s"
    for service in fleet["services"].values():
        restart = service["actions"]["restart"]
        witness = [sys.executable, str(KEEPER), str(folder / JOURNAL)]
        restart["options"]["argv"] = [*witness, *restart["options"]["argv"]]
    _save(home / "fleet.yaml", fleet)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _read(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
    return document


def _save(path: Path, document: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), "utf-8")
