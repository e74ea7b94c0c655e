"""The demo's stage: sandbox and coordinator as process trees of their own, and their end."""

from __future__ import annotations

import json
import os
import shutil
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

from allstop.sandbox import reaping
from allstop.sandbox.control import ControlClient
from allstop.sandbox.documents import Pace, write_project
from allstop.sandbox.layout import AGENTS, SandboxError, read_record

UP_SECONDS = 30.0
PEOPLE = ("ada", "ben", "cleo")


@dataclass(slots=True)
class Stage:
    """folder: the sandbox's; home: the project folder in it; url: the coordinator's; console: a link to sign in;
    urls: of the services of the shop."""

    folder: Path
    home: Path
    url: str
    console: str
    tokens: dict[str, str]
    control: ControlClient
    urls: dict[str, str]


@contextmanager
def stage(pace: Pace, *, keep: bool, rate: int, all_off: bool = False) -> Iterator[Stage]:
    """Set everything up; take everything down again, whatever happens in between.

    all_off: the documents are for a stop of the whole shop.
    """
    folder = Path(tempfile.mkdtemp(prefix="allstop-demo-"))
    home = folder / "project"
    try:
        reaping.register(folder, keep=keep)
        _start_sandbox(folder, rate)
        write_project(home, folder, read_record(folder), pace, all_off=all_off)
        up = _cli(home, "up", "--detach", "--json")
        reaping.add_process(folder, int(up["pid"]))
        yield _opened(folder, home, up)
    finally:
        _end(home, folder)
        reaping.unregister(folder)
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _opened(folder: Path, home: Path, up: dict[str, Any]) -> Stage:
    """Tokens for people and agents, the agents at work, and a link to the console."""
    url = str(up["url"])
    owner = str(_cli(home, "token", "new", "person:dana", "--json")["token"])
    tokens = {"dana": owner}
    with httpx.Client(
        base_url=f"{url}/api/v1", headers={"Authorization": f"Bearer {owner}"}
    ) as client:
        for principal in [
            *(f"person:{name}" for name in PEOPLE),
            *(f"agent:{name}" for name in AGENTS),
        ]:
            answer = client.post("/tokens", json={"principal": principal})
            answer.raise_for_status()
            tokens[principal.partition(":")[2]] = str(answer.json()["token"])
    secrets = home / "agent-tokens.json"
    secrets.touch(mode=0o600)
    secrets.write_text(json.dumps({name: tokens[name] for name in AGENTS}), encoding="utf-8")
    control = ControlClient(folder)
    control.start_agents(url, secrets, home / "halts")
    link = str(_cli(home, "open", "--json")["url"])
    urls = dict(read_record(folder)["urls"])
    return Stage(folder, home, url, link, tokens, control, urls)


def _start_sandbox(folder: Path, rate: int) -> None:
    """Start the shop in a session of its own, and wait until it is healthy."""
    log = folder.with_name(f"{folder.name}.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "allstop.sandbox", "up", str(folder), "--rate", str(rate)],
            stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
    reaping.add_process(folder, process.pid)
    until = time.monotonic() + UP_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            read_record(folder)
        except SandboxError:
            time.sleep(0.05)
            continue
        return
    raise SandboxError(f"the sandbox did not come up: {log.read_text(errors='replace')[-800:]}")


def _cli(home: Path, *words: str) -> dict[str, Any]:
    """One command of the public CLI. Raises SandboxError with what it said."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("ALLSTOP_")
    }
    found = subprocess.run(
        [sys.executable, "-m", "allstop", "--home", str(home), *words],
        capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL, env=environment,
    )  # fmt: skip
    if found.returncode != 0:
        raise SandboxError(
            f"allstop {' '.join(words)} failed: {(found.stderr or found.stdout).strip()}"
        )
    answer: dict[str, Any] = json.loads(found.stdout)
    return answer


def cli_json(home: Path, *words: str) -> dict[str, Any]:
    """A public command's JSON. Raises SandboxError."""
    return _cli(home, *words, "--json")


def _end(home: Path, folder: Path) -> None:
    """Coordinator first, so that nothing acts on a shop that is going away."""
    if (home / "allstop.toml").exists():
        # It may be down already; the reaper below ends what is left.
        with suppress(SandboxError, subprocess.TimeoutExpired, ValueError):
            _cli(home, "down", "--json")
    with suppress(SandboxError):
        ControlClient(folder).down()
    reaping.end_processes(folder, exact=True)
    folder.with_name(f"{folder.name}.log").unlink(missing_ok=True)
