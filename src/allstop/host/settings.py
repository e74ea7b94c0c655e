"""What a host is told once: whom to listen to, whose keys count, where its files are."""

from __future__ import annotations

import os
import re
import socket
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from allstop.domain.verdict import nearest
from allstop.errors import Invalid, Missing

FILE = "host.toml"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LARGEST = 100_000


@dataclass(frozen=True, slots=True)
class HostSettings:
    """file: where they were read; folder: holds the state file, the lease, the spool and the journal.

    keys: file of pinned public keys; unknown: what a client without identity is under a narrow halt, `covered` or
    `free`; lease: `open` (losing the coordinator changes nothing) or `closed` (after lease_s without it nothing runs);
    alert: command that is run when half of a closed lease has gone by without the coordinator.
    """

    file: Path
    coordinator: str
    name: str
    folder: Path
    keys: Path
    token: str = field(repr=False)
    unknown: str = "covered"
    lease: str = "open"
    lease_s: int = 60
    alert: tuple[str, ...] = ()

    @property
    def socket(self) -> Path:
        return self.folder / "host.sock"


def default_folder() -> Path:
    """Where a host's files are when nobody says otherwise: the system's for root, the person's own else."""
    if os.geteuid() == 0:
        return Path("/var/lib/allstop/host")
    state = os.environ.get("XDG_STATE_HOME", "") or str(Path.home() / ".local" / "state")
    return Path(state) / "allstop" / "host"


def default_name() -> str:
    """This machine's short name, in letters a host may have."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname().partition(".")[0])[:64] or "host"


def read_host_settings(folder: Path) -> HostSettings:
    """The settings in a folder. Raises Missing when nobody has joined here, Invalid with every problem."""
    file = folder / FILE
    try:
        found = tomllib.loads(file.read_text("utf-8")[:_LARGEST])
    except FileNotFoundError:
        raise Missing(
            f"this machine has not joined a coordinator: there is no {file}",
            "On the coordinator's machine: allstop hosts enrol NAME. It prints the command to type here.",
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Invalid(f"{file}: {error}", "Mend the file, or join again.") from error
    problems: list[str] = []
    values = {name: _checked(name, found.get(name), problems) for name in _KINDS}
    for name in sorted(set(found) - set(_KINDS)):
        guess = nearest(name, _KINDS)
        problems.append(f"{name} is no setting of a host{'; ' + guess if guess else ''}")
    token = _token(folder / str(values["token_file"] or "host.token"), problems)
    if problems:
        raise Invalid(f"{file}: " + "; ".join(problems), "Mend the file, or join again.")
    return HostSettings(
        file, str(values["coordinator"]), str(values["name"]), folder,
        folder / str(values["keys"] or "host.keys"), token, str(values["unknown"] or "covered"),
        str(values["lease"] or "open"), int(values["lease_s"] or 60), tuple(values["alert"] or ()),
    )  # fmt: skip


def _token(path: Path, problems: list[str]) -> str:
    try:
        if path.stat().st_mode & 0o077:
            problems.append(f"others may read {path}: chmod 600 {path}")
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"the token in {path} cannot be read: {error}")
        return ""


def _checked(name: str, value: Any, problems: list[str]) -> Any:
    if value is None:
        if name in ("coordinator", "name"):
            problems.append(f"{name} is missing")
        return None
    sentence = _KINDS[name](value)
    if sentence:
        problems.append(f"{name} {sentence}")
    return value


def _is_address(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"https?://[^/\s?#@]+", value):
        return ""
    return "must look like https://allstop.example.org, without a path"


def _is_name(value: Any) -> str:
    ok = isinstance(value, str) and NAME.fullmatch(value)
    return "" if ok else "must be letters, digits, dots, dashes, at most 64"


def _is_file(value: Any) -> str:
    ok = isinstance(value, str) and value and "\0" not in value
    return "" if ok else "must be the name of a file"


def _one_of(*words: str) -> Any:
    return lambda value: "" if value in words else f"must be {' or '.join(words)}"


def _is_seconds(value: Any) -> str:
    ok = isinstance(value, int) and not isinstance(value, bool) and 45 <= value <= 86_400
    return "" if ok else "must be a whole number of seconds from 45 to 86400"


def _is_command(value: Any) -> str:
    ok = isinstance(value, list) and value and all(isinstance(word, str) for word in value)
    return "" if ok else 'must be a list of words, such as ["logger", "-p", "user.alert"]'


_KINDS: dict[str, Any] = {
    "coordinator": _is_address,
    "name": _is_name,
    "token_file": _is_file,
    "keys": _is_file,
    "unknown": _one_of("covered", "free"),
    "lease": _one_of("open", "closed"),
    "lease_s": _is_seconds,
    "alert": _is_command,
}
