"""Trying a real client: it is started once against a scripted model, and what it did is looked at, not asked for. Blocking."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from allstop.errors import Unavailable
from allstop.runtimes.model_server.script import Call, Script
from allstop.runtimes.model_server.server import serving
from allstop.runtimes.runtime import Runtime, Trial

PROMPT = "Please do what there is to do."
_PATIENCE_S = 120
_VERSION = re.compile(r"(?<![\w./-])[0-9]+\.[0-9]+\.[0-9]+(?:[.+-]\w+)*")


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a trial. turns: how often the model was asked; said: all the client wrote."""

    status: int
    turns: int
    said: str


def try_client(
    runtime: Runtime,
    program: tuple[str, ...],
    trial: Trial,
    calls: tuple[Call, ...],
    *,
    environment: Mapping[str, str] | None = None,
) -> Tried:
    """Starts a client whose model makes these calls one after the other, and waits for its end.

    The trial's own address is not looked at: a model server is started for it. Raises Unavailable when the client
    does not end within two minutes; what it started is then ended too.
    """
    script = Script(calls)
    with serving(script) as address:
        placed = replace(trial, server=address)
        path = os.environ.get("PATH", "/usr/bin:/bin")
        words, clean = runtime.start(program, placed, PROMPT, path)
        status, said = _run(words, clean | dict(environment or {}), trial.work)
    return Tried(status, script.turns, said)


def _run(words: tuple[str, ...], environment: Mapping[str, str], work: Path) -> tuple[int, str]:
    with subprocess.Popen(
        words,
        env=environment,
        cwd=work,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as client:
        try:
            said, _ = client.communicate(timeout=_PATIENCE_S)
        except subprocess.TimeoutExpired as error:
            os.killpg(client.pid, signal.SIGKILL)
            raise Unavailable(
                f"{words[0]} did not end within {_PATIENCE_S} seconds", "Try it again."
            ) from error
        except BaseException:
            # Nobody waits for it any longer, as after an interrupt: it goes too.
            os.killpg(client.pid, signal.SIGKILL)
            raise
    return client.returncode, said.decode("utf-8", "replace")


def version_of(program: tuple[str, ...], home: Path) -> str:
    """The version a client gives itself: three numbers with dots, whatever it says besides. Raises Unavailable."""
    environment = {"HOME": str(home), "PATH": os.environ.get("PATH", "/usr/bin:/bin")}
    status, said = _run((*program, "--version"), environment, home)
    found = _VERSION.search(said)
    if status or not found:
        raise Unavailable(f"{program[0]} does not say its version", said[:200])
    return found[0]
