"""What the command line is given by whoever starts it: it knows no adapters and no other face."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from allstop.domain.policy import Fleet, Policy


class MachineSettings(Protocol):
    """The part of `allstop.settings.Settings` that the command line reads."""

    @property
    def home(self) -> Path: ...
    @property
    def has_project(self) -> bool: ...
    @property
    def state(self) -> Path: ...
    @property
    def socket(self) -> Path: ...
    @property
    def database(self) -> Path: ...
    @property
    def log_file(self) -> Path: ...
    @property
    def run_file(self) -> Path: ...
    @property
    def url(self) -> str: ...
    @property
    def token(self) -> str: ...


class SettingsReader(Protocol):
    """See Launch."""

    def __call__(self, home: str, url: str = "") -> MachineSettings: ...


@dataclass(frozen=True, slots=True)
class Launch:
    """The doors to the rest of the program; each is opened only by the command that needs it.

    settings: (home, url) of the project at `home`, or around the working directory when it is empty;
    `url` overrules the setting of that name. Raises Missing or Invalid.
    run_coordinator: (home, ready) works until it is told to stop and returns the exit code; calls
    ready(port) once it answers requests.
    check_documents: all problems of a project's documents, each printable with str(), and whether
    a coordinator would take them.
    check_fleet: one fleet document by itself: the fleet, None when it has errors, and all its problems.
    read_policy: the policy of a project's documents; raises Invalid.
    verify_offline: audits the database of a home without a coordinator; a dict with "ok".
    now: UTC; new_key: a fresh random key; pause: sleeps so many seconds.
    """

    settings: SettingsReader
    run_coordinator: Callable[[Path, Callable[[int], None]], int]
    check_documents: Callable[[Path], tuple[Sequence[object], bool]]
    check_fleet: Callable[[Path], tuple[Fleet | None, Sequence[object]]]
    read_policy: Callable[[Path], Policy]
    verify_offline: Callable[[Path], dict[str, Any]]
    now: Callable[[], datetime]
    new_key: Callable[[], str]
    pause: Callable[[float], None]
