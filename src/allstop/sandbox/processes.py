"""One child process of the supervisor: start it, wait until it listens, stop it, reap it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import allstop
from allstop.sandbox import gitrepo
from allstop.sandbox.layout import ENVIRONMENT_KEY, Layout, SandboxError

GRACE_SECONDS = 3.0
START_SECONDS = 10.0
_KILL_SECONDS = 5.0


def base_environment(layout: Layout) -> dict[str, str]:
    """What every process of the sandbox inherits: git kept neutral, and the sandbox's mark."""
    # The package may be imported from a source folder, by a path the child does not have.
    source = str(Path(allstop.__file__).resolve().parent.parent)
    paths = [source, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return gitrepo.environment() | {
        ENVIRONMENT_KEY: str(layout.folder),
        "PYTHONPATH": os.pathsep.join(paths),
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def module_command(module: str, *arguments: str) -> tuple[str, ...]:
    """A command for one of the sandbox's own modules.

    -P: the current folder is a worktree in which an agent may write a module of any name.
    """
    return (sys.executable, "-P", "-m", module, *arguments)


def service_command(service: str) -> tuple[str, ...]:
    """The command of a release. Bare flags: no site packages, so it starts in well under 100 ms.

    -B also matters for rollbacks: two releases may share a file's size and modification second.
    """
    return (sys.executable, "-E", "-s", "-S", "-B", "service.py", service)


@dataclass
class Child:
    """A child process that can be started again and again, in a session of its own."""

    name: str
    command: tuple[str, ...]
    folder: Path
    environment: Mapping[str, str]
    log: Path
    port: int | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    _process: subprocess.Popen[bytes] | None = None
    _ended: threading.Event = field(default_factory=threading.Event)

    @property
    def running(self) -> bool:
        """Whether the process is there (it may be stuck or stopped)."""
        return self._process is not None and not self._ended.is_set()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self.running else None

    @property
    def exit_code(self) -> int | None:
        """How the last process ended, negative for a signal; None while it runs."""
        return self._process.returncode if self._process and not self.running else None

    def start(self) -> bool:
        """Start the process unless it runs; returns whether it did. Does not wait for it."""
        with self.lock:
            if self.running:
                return False
            with self.log.open("ab") as output:
                self._process = subprocess.Popen(
                    self.command,
                    cwd=self.folder,
                    env=dict(self.environment),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self._ended = threading.Event()
            threading.Thread(
                target=_reap, args=(self.name, self._process, self._ended), daemon=True
            ).start()
            return True

    def stop(self, grace: float = GRACE_SECONDS) -> bool:
        """End the process: TERM, then KILL after `grace` seconds. Returns whether it ran.

        Raises SandboxError if even KILL does not end it.
        """
        with self.lock:
            if not self.running:
                return False
            self.signal(signal.SIGTERM)
            if not self._ended.wait(grace):
                self.signal(signal.SIGKILL)
                if not self._ended.wait(_KILL_SECONDS):
                    raise SandboxError(f"{self.name} ({self.pid}) does not die")
            return True

    def signal(self, number: signal.Signals) -> int | None:
        """Send a signal if the process runs; returns the pid it went to."""
        with self.lock:
            pid = self.pid
            if pid is not None and self._process:
                self._process.send_signal(number)
            return pid

    def wait_until_listening(self, seconds: float = START_SECONDS) -> dict[str, Any]:
        """Wait until this very process answers /health; returns the answer.

        Raises SandboxError if it ends before, or does not answer in time.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not self.running:
                raise SandboxError(f"{self.name} exited {self.exit_code}; see {self.log}")
            found = self.health()
            if found and found.get("pid") == self.pid:
                return found
            time.sleep(0.02)
        raise SandboxError(f"{self.name} does not answer /health after {seconds} s; see {self.log}")

    def health(self, timeout: float = 0.5) -> dict[str, Any] | None:
        """The answer of /health, None if there is none within `timeout` seconds."""
        if self.port is None:
            return None
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", "/health", headers={"Connection": "close"})
            found = json.loads(connection.getresponse().read())
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()
        return found if isinstance(found, dict) else None


def _reap(name: str, process: subprocess.Popen[bytes], ended: threading.Event) -> None:
    """Wait for a child, so that a dead one is gone at once and not a zombie that looks alive."""
    code = process.wait()
    ended.set()
    print(f"{name} ({process.pid}) ended with {code}", flush=True)
