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
class AgentAsked:
    """An agent that is to be started on this machine. folder: for its files; worktree: empty when it works in none;
    host: where the files of this machine's host process are, if there is one."""

    agent: str
    team: str
    command: tuple[str, ...]
    folder: Path
    worktree: str
    host: Path


@dataclass(frozen=True, slots=True)
class AgentPlaced:
    """Where it is, about to begin. options: how the coordinator reaches it; because: why it is in no group, or empty;
    host: the host whose process reaches it instead, or empty."""

    options: dict[str, Any]
    because: str
    host: str


class AgentRunner(Protocol):
    """See Launch."""

    def __call__(
        self,
        asked: AgentAsked,
        register: Callable[[AgentPlaced], bool],
        said: Callable[[str], None],
    ) -> int: ...


class HostDoors(Protocol):
    """The host process of this machine. folder: where its files are."""

    def folder(self) -> Path: ...
    def name(self) -> str: ...
    def run(self, folder: Path) -> int: ...
    def join(
        self,
        folder: Path,
        coordinator: str,
        name: str,
        token: str,
        fingerprint: str,
        release_keys: Sequence[Path],
    ) -> dict[str, Any]: ...
    def call(self, folder: Path, request: dict[str, Any]) -> dict[str, Any]: ...


class PublicKey(Protocol):
    """A release key as others know it."""

    @property
    def key_id(self) -> str: ...
    @property
    def public(self) -> str: ...
    @property
    def owner(self) -> str: ...


class KeyDoors(Protocol):
    """Release keys in files. new: makes one; sign: name of the key and signature; public: those in a file; pin: adds
    public ones to a file, and returns those that are new. Raise Missing or Invalid."""

    def new(self, path: Path, owner: str) -> PublicKey: ...
    def sign(self, path: Path, text: str) -> tuple[str, str]: ...
    def public(self, path: Path) -> Sequence[PublicKey]: ...
    def pin(self, path: Path, keys: Sequence[Any]) -> Sequence[PublicKey]: ...


class McpDoors(Protocol):
    """The server that agents speak MCP with. socket, url: the way to the coordinator, one of them empty; agent: its name,
    or empty; ready: called with the address once it listens. Raise Missing when the extra `mcp` is not installed."""

    def stdio(self, socket: str, url: str, token: str, agent: str) -> int: ...
    def http(
        self,
        socket: str,
        url: str,
        bind: str,
        port: int,
        hosts: tuple[str, ...],
        ready: Callable[[str], None],
    ) -> int: ...


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
    run_agent: starts an agent in a control group of its own and waits for it; calls register(where it is), which says whether a halt holds it already, and said(a sentence); returns the agent's exit code.
    name_agent: a name for an agent, from its command and the folder it works in.
    host: the host process of this machine: where its files are by default, what it would be called, running it, joining
    a coordinator, and one request to it.
    keys: release keys in files.
    mcp: the server that agents speak MCP with.
    now: UTC; new_key: a fresh random key; pause: sleeps so many seconds.
    """

    settings: SettingsReader
    run_coordinator: Callable[[Path, Callable[[int], None]], int]
    check_documents: Callable[[Path], tuple[Sequence[object], bool]]
    check_fleet: Callable[[Path], tuple[Fleet | None, Sequence[object]]]
    read_policy: Callable[[Path], Policy]
    verify_offline: Callable[[Path], dict[str, Any]]
    run_agent: AgentRunner
    name_agent: Callable[[Sequence[str], Path], str]
    host: HostDoors
    keys: KeyDoors
    mcp: McpDoors
    now: Callable[[], datetime]
    new_key: Callable[[], str]
    pause: Callable[[float], None]
