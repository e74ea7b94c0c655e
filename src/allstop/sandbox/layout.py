"""Where everything lies inside a sandbox folder, and the record of a running sandbox.

Standard library only and quick to import: the `ctl` command depends on it.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ENVIRONMENT_KEY = "ALLSTOP_SANDBOX"
"""Every process of a sandbox inherits this variable; its value is the sandbox folder."""

SERVICES = ("accounts", "catalog", "payments", "orders", "analytics", "gateway")
"""The shop's services, in the order in which they are started."""

LOAD = "load"
"""The load generator's name as a process."""

FAULTS = ("bad-release", "killed-process", "hung-dependency")
"""The harm that can be done to a running shop."""

AGENTS = ("builder-1", "builder-2", "docs-1", "tester-1")

_MARKER = ".allstop-sandbox"
# sun_path holds 108 bytes with the closing zero on Linux, 104 on the BSDs.
_LONGEST_SOCKET_PATH = 100


class SandboxError(RuntimeError):
    """Something about the sandbox is not as it must be; the message says what to do."""


@dataclass(frozen=True)
class Layout:
    """The paths of one sandbox. Computing them touches nothing on disk."""

    folder: Path
    agents_home: Path

    @classmethod
    def of(cls, folder: Path | str, agents_home: Path | str | None = None) -> Layout:
        """The layout of `folder`; agents work in `agents_home`, by default inside the folder."""
        root = Path(folder).resolve()
        return cls(root, Path(agents_home).resolve() if agents_home else root / "agents")

    @property
    def releases(self) -> Path:
        return self.folder / "releases"

    def release(self, service: str) -> Path:
        return self.releases / service

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def database(self, service: str) -> Path:
        return self.data / f"{service}.db"

    @property
    def snapshots(self) -> Path:
        """Copies of the books, a folder for each service."""
        return self.data / "snapshots"

    @property
    def ledger(self) -> Path:
        return self.data / "ledger.jsonl"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    @property
    def workspace(self) -> Path:
        """The repository whose worktrees the agents work in."""
        return self.folder / "workspace"

    def worktree(self, agent: str) -> Path:
        return self.agents_home / agent

    def pid_file(self, agent: str) -> Path:
        return self.agents_home / f"{agent}.pid"

    def status_file(self, agent: str) -> Path:
        return self.agents_home / f"{agent}.json"

    @property
    def ports(self) -> Path:
        return self.folder / "ports.json"

    @property
    def record(self) -> Path:
        """`sandbox.json`: exists while the sandbox is up and healthy."""
        return self.folder / "sandbox.json"

    @property
    def marker(self) -> Path:
        """Says that the folder was made for a sandbox, so it may be removed as a whole."""
        return self.folder / _MARKER

    def control_socket(self) -> Path:
        """Where the control socket goes: in the folder, or in the temp dir if that is too long.

        Raises SandboxError when even the temp dir's path is too long for a Unix socket.
        """
        inside = self.folder / "control.sock"
        if len(os.fsencode(inside)) <= _LONGEST_SOCKET_PATH:
            return inside
        outside = private_folder() / f"{folder_key(self.folder)}.sock"
        if len(os.fsencode(outside)) > _LONGEST_SOCKET_PATH:
            raise SandboxError(f"{outside} is too long for a socket; set TMPDIR to a short path")
        return outside

    def adopt(self) -> None:
        """Make the folder, and mark it as ours if it was new or empty.

        Only a marked folder is ever removed as a whole, so a sandbox put into a folder with
        other things in it never takes them along.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not any(self.folder.iterdir()):
            self.marker.touch()


def folder_key(folder: Path) -> str:
    """A short name for a sandbox folder, the same in every process."""
    return hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]


def private_folder() -> Path:
    """The per-user folder in the temp dir, mode 0700, made if missing.

    Raises SandboxError if something else sits at that name: in a shared temp dir another user
    could have put it there.
    """
    path = Path(tempfile.gettempdir()) / f"allstop-demo-{os.getuid()}"
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise SandboxError(f"{path} is not a folder of this user; remove it or set TMPDIR")
    if stat.S_IMODE(found.st_mode) != 0o700:
        path.chmod(0o700)
    return path


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Write a JSON file atomically: a reader sees the old text or the new, never half."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    draft.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)


def read_record(folder: Path | str) -> dict[str, Any]:
    """The record of the running sandbox in `folder`. Raises SandboxError if there is none."""
    path = Layout.of(folder).record
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SandboxError(
            f"no sandbox is up in {path.parent}; start it: python -m allstop.sandbox up DIR"
        ) from None
    except ValueError as error:
        raise SandboxError(f"{path} cannot be read: {error}") from error
    return record
