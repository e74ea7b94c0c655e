"""Where the coordinator is, and whether it runs."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from allstop.errors import Invalid, Unavailable
from allstop.faces.cli.launch import MachineSettings


@dataclass(frozen=True, slots=True)
class Address:
    """socket: path of a Unix socket, or empty; otherwise host and port, with TLS or on this machine."""

    socket: str = ""
    host: str = ""
    port: int = 0
    tls: bool = False

    def __str__(self) -> str:
        return self.socket or f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"


def address_of(settings: MachineSettings) -> Address:
    """The way to the coordinator these settings lead to. Raises Invalid for one that is not safe."""
    if settings.url:
        return _remote(settings.url)
    path = settings.socket
    noted = running(settings).get("socket")
    # The coordinator may have been started with another temp dir than this shell has.
    if not path.exists() and isinstance(noted, str) and Path(noted).exists():
        path = Path(noted)
    _check_folder(path, settings.home)
    return Address(socket=str(path))


def running(settings: MachineSettings) -> dict[str, Any]:
    """What the coordinator wrote about itself when it started, or nothing. It may have ended since."""
    try:
        found = json.loads(settings.run_file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def process_of(noted: dict[str, Any]) -> Any:
    """The living process of a coordinator as psutil sees it, or None; a reused pid is not it."""
    import psutil  # noqa: PLC0415 - only `up`, `down` and `doctor` ask

    try:
        process = psutil.Process(int(noted["pid"]))
        same = abs(process.create_time() - float(noted["create_time"])) < 2
        alive = process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, KeyError, TypeError, ValueError):
        return None
    return process if same and alive else None


def _remote(url: str) -> Address:
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise Invalid(
            f"{url} has no valid port", "write it like https://allstop.example.org"
        ) from None
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host:
        raise Invalid(f"{url} is not an address", "write it like https://allstop.example.org")
    if parts.scheme == "http" and host not in {"localhost", "127.0.0.1", "::1"}:
        raise Invalid(
            f"{url} would send the token in clear text over the network",
            "use https://, or a tunnel: ssh -L 7411:127.0.0.1:7411 HOST, then http://127.0.0.1:7411",
        )
    return Address(host=host, port=port, tls=parts.scheme == "https")


def _check_folder(socket: Path, home: Path) -> None:
    """In a shared temp dir anybody could offer a socket: its folder must belong to the project's owner."""
    try:
        folder = socket.parent.lstat()
        owner = home.stat().st_uid
    except OSError:
        return  # there is nothing to connect to; that has its own message
    if not socket.is_relative_to(home) and (
        not stat.S_ISDIR(folder.st_mode)
        or folder.st_uid not in {owner, os.geteuid()}
        or stat.S_IMODE(folder.st_mode) & 0o022
    ):
        raise Unavailable(
            f"{socket.parent} is open to other users, so this may not be your coordinator",
            f"look who made it: ls -ld {socket.parent}",
        )
