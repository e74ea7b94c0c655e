"""The command line with real doors, and a coordinator of recorded answers behind its socket."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from allstop.adapters.signing import ReleaseKeyFiles
from allstop.bootstrap import check_fleet
from allstop.domain.policy import Policy
from allstop.errors import Invalid, Unavailable
from allstop.faces.cli.entry import run
from allstop.faces.cli.launch import AgentAsked, AgentPlaced, Launch
from allstop.settings import read_settings
from tests.faces.cli import recorded
from tests.faces.cli.coordinator import Recorded, serving


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass
class HostDoor:
    """The host process of a machine: what it would answer, and what it was asked."""

    place: Path = Path("/var/lib/allstop/host")
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    joined: list[tuple[Any, ...]] = field(default_factory=list)
    code: int = 0

    def folder(self) -> Path:
        return self.place

    def name(self) -> str:
        return "build-7"

    def run(self, folder: Path) -> int:
        self.asked.append({"run": str(folder)})
        return self.code

    def join(self, *words: Any) -> dict[str, Any]:
        self.joined.append(words)
        key = {"kind": "order", "key": "89bae300b4b40a70", "owner": "coordinator"}
        return {"host": words[2], "folder": str(words[0]), "keys": [key]}

    def call(self, folder: Path, request: dict[str, Any]) -> dict[str, Any]:
        self.asked.append({"folder": str(folder), **request})
        if not self.answers:
            raise Unavailable("no host process answers", "Start it: allstop host run")
        return dict(self.answers)


@dataclass
class McpDoor:
    """The server for agents: what it was started with."""

    asked: list[tuple[Any, ...]] = field(default_factory=list)

    def stdio(self, *words: Any) -> int:
        self.asked.append(words)
        return 0

    def http(self, *words: Any) -> int:
        *asked, ready = words
        self.asked.append(tuple(asked))
        ready("http://127.0.0.1:7412/mcp")
        return 0


@dataclass
class Doors:
    """What the command line opens instead of the real program. patience: pauses until Ctrl-C;
    meanwhile: what happens during a pause."""

    problems: tuple[object, ...] = ()
    starts: bool = True
    audit: dict[str, Any] | None = None
    exit_code: int = 0
    paused: list[float] = field(default_factory=list)
    patience: int = 1_000_000
    meanwhile: Callable[[], None] = lambda: None
    homes: list[Path] = field(default_factory=list)
    group_because: str = ""
    hosted: str = ""
    host: HostDoor = field(default_factory=HostDoor)
    mcp: McpDoor = field(default_factory=McpDoor)
    agents: list[tuple[AgentAsked, bool]] = field(default_factory=list)

    def launch(self, start: Path) -> Launch:
        keys = iter(f"key-{number}" for number in range(1, 1000))
        return Launch(
            settings=lambda home, url="": read_settings(home or None, {}, start, url),
            run_coordinator=self._run,
            check_documents=lambda home: (self.problems, self.starts),
            check_fleet=check_fleet,
            read_policy=self._read_policy,
            verify_offline=self._verify,
            run_agent=self._run_agent,
            name_agent=lambda command, folder: f"{command[0]}-{folder.name}",
            host=self.host,
            keys=ReleaseKeyFiles(),
            mcp=self.mcp,
            now=lambda: recorded.NOW,
            new_key=lambda: next(keys),
            pause=self._pause,
        )

    def _read_policy(self, home: Path) -> Policy:
        raise Invalid(f"{home} has no documents here")

    def _run(self, home: Path, ready: Callable[[int], None]) -> int:
        self.homes.append(home)
        ready(7411)
        return self.exit_code

    def _run_agent(
        self,
        asked: AgentAsked,
        register: Callable[[AgentPlaced], bool],
        said: Callable[[str], None],
    ) -> int:
        held = register(
            AgentPlaced({"halt_file": "/somewhere/halt"}, self.group_because, self.hosted)
        )
        self.agents.append((asked, held))
        said("1 process of it still there")
        return self.exit_code

    def _pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        self.meanwhile()
        if len(self.paused) >= self.patience:
            raise KeyboardInterrupt

    def _verify(self, home: Path) -> dict[str, Any]:
        if self.audit is None:
            raise Unavailable("the database cannot be opened")
        return self.audit


Run = Callable[..., Ran]


@pytest.fixture
def doors() -> Doors:
    return Doors()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project folder with short paths."""
    (tmp_path / "allstop.toml").write_text("")
    return tmp_path


@pytest.fixture
def allstop(home: Path, doors: Doors, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run one command in the project and say how it ended."""
    launch = doors.launch(home)

    def typed(*words: str) -> Ran:
        code = run(launch, {}, words)
        out, err = capsys.readouterr()
        return Ran(code, out, err)

    return typed


@pytest.fixture
def book(home: Path) -> Iterator[Recorded]:
    """A coordinator in the middle of INC-1."""
    found = Recorded()
    view, plan, halt = recorded.VIEW, recorded.PLAN, recorded.HALT
    found.answer("GET /overview", recorded.OVERVIEW)
    found.answer("GET /incidents", recorded.OVERVIEW.incidents)
    for name in ("current", "INC-1"):
        found.answer(f"GET /incidents/{name}", view)
        found.answer(f"GET /incidents/{name}/timeline", recorded.ENTRIES)
    found.answer("GET /plans/PLAN-1", plan)
    found.answer("GET /halts", (halt,))
    found.answer("GET /halts/HALT-1", halt)
    found.answer("GET /services", recorded.SERVICES)
    found.answer("GET /agents", recorded.AGENTS)
    found.answer("GET /protocol", recorded.PROTOCOL)
    found.answer("GET /readyz", b"ready\n")
    settings = read_settings(home, {})
    with serving(settings.socket, found):
        yield found


@pytest.fixture
def rich(book: Recorded) -> Recorded:
    """The coordinator of the other tests, with crews, tasks and changes."""
    for name in ("current", "INC-1", "INC-0"):
        book.answer(f"GET /incidents/{name}", recorded.RICH)
        book.answer(f"GET /incidents/{name}/timeline", recorded.ENTRIES)
        book.answer(f"GET /incidents/{name}/crews", recorded.CREWS)
        book.answer(f"GET /incidents/{name}/forms", recorded.FORMS)
        book.answer(f"GET /incidents/{name}/owed", recorded.OWED)
    book.answer("GET /proposals", (recorded.PROPOSAL,))
    return book
