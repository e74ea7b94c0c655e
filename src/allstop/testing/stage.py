"""A whole coordinator on a virtual clock, spoken to over its HTTP API: emergencies of hours in a second.

Everything is the production code (command post, runner, timekeeper, monitor, views, API); what is
replaced is time, the disk (memory) and the outside world, which is the simulator's. `Stage` is used
by the conformance suite.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random  # noqa: TID251  (seeded: one seed drives everything)
from typing import Any

import httpx
import structlog

from allstop.adapters.crash_points import NoCrashPoints
from allstop.adapters.memory_store import MemoryDisk, MemoryStore
from allstop.application.access import Access
from allstop.application.audit import verify
from allstop.application.command_post import CommandPost, Request
from allstop.application.coordinator import Coordinator
from allstop.application.hub import Hub
from allstop.application.monitor import Monitor
from allstop.application.ports import (
    AdapterInfo,
)
from allstop.application.preflight import Preflight, WithCoordinator
from allstop.application.preflight_watch import PreflightWatch
from allstop.application.reports import Reports
from allstop.application.runner import Runner
from allstop.application.timekeeper import Timekeeper
from allstop.application.views import Views
from allstop.domain.halt.commands import AnswerRollCall
from allstop.domain.policy import Policy
from allstop.domain.principal import Principal
from allstop.errors import Invalid
from allstop.faces.http.app import HttpFace
from allstop.plugins import InstalledAdapters, catalogue_of
from allstop.protocol import load
from allstop.testing.firm_ground import FirmGround
from allstop.testing.journal import Journal
from allstop.testing.simulator.adapters import INFO, Network, SimAdapters
from allstop.testing.simulator.faults import CrashPlan, Faults
from allstop.testing.simulator.virtual_time import SECOND, InlineLoop, VirtualClock, VirtualTime
from allstop.testing.simulator.world import Letter, OutsideWorld
from allstop.testing.wires import Trouble, Wires

HOST = "127.0.0.1:7777"
UNAUTHORISED = 401


@dataclass
class Folder:
    """Keeps reports in memory, as the archive port."""

    kept: dict[str, str] = field(default_factory=dict)

    def keep(self, name: str, text: str) -> str:
        self.kept[name] = text
        return f"reports/{name}"


class _NoKeys:
    """Nothing is signed on a stage."""

    def check(self, key_id: str, message: bytes, signature: str) -> bool | None:
        del key_id, message, signature
        return None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API said. data: the JSON, or the text of other media."""

    status: int
    data: Any

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def reasons(self) -> list[str]:
        """Codes of a refusal's reasons, empty when it was accepted."""
        found = self.data.get("reasons", []) if isinstance(self.data, dict) else []
        return [str(one["code"]) for one in found]

    @property
    def texts(self) -> str:
        """Everything a refusal says, in one text."""
        return "" if self.ok else str(self.data)


class Stage:
    """One coordinator, its people and its world. Close it, or use `stage_of`."""

    def __init__(self, policy: Policy, home: Path, start: datetime | None = None) -> None:
        self.time = VirtualTime()
        if start is not None:
            shift = start - self.time.now().utc
            self.time.wall_us += round(shift.total_seconds() * SECOND)
        self.policy, self.home = policy, home
        self.disk, self.archive, self.journal = MemoryDisk(), Folder(), Journal()
        faults = Faults.calm()
        self.outside = OutsideWorld(self.time, Random("world"), self.journal, self._length)  # noqa: S311
        self.outside.say = self._agent_says
        agents = tuple(agent.id for agent in policy.roster.agents)
        services = tuple(service.name for service in policy.fleet.services)
        self.outside.populate(services, agents, faults)
        crash = CrashPlan(faults, Random("crash"))  # noqa: S311
        network = Network(
            self.outside,
            self.time,
            Random("network"),  # noqa: S311
            faults,
            self.journal,
            crash,
            self._length,
        )
        self.trouble = Trouble()
        self.adapters, self.ground = Wires(SimAdapters(network), self.trouble), FirmGround()
        self._lives = 0
        self._tokens: dict[str, str] = {}
        self._boot()

    # --- asking over the API -----------------------------------------------------------------------

    def admit(self, who: str, token: str) -> None:
        """Somebody comes with a token that was given to them elsewhere, as a host does."""
        self._tokens[who] = token

    def get(self, path: str, who: str = "person:eve", **query: Any) -> Answer:
        return self._ask("GET", path, who, params=query)

    def post(self, path: str, who: str = "person:eve", **body: Any) -> Answer:
        return self._ask("POST", path, who, json=body)

    def do(self, path: str, who: str = "person:eve", **body: Any) -> Any:
        """A request that must be accepted; returns what it answered."""
        answer = self.post(path, who, **body)
        assert answer.ok, f"{path} as {who}: {answer.status} {answer.data}"
        return answer.data

    def declare(self, title: str = "buying fails", who: str = "person:ada", **more: Any) -> str:
        return str(self.do("incidents", who, title=title, **more)["incident"])

    def show(self, incident: str = "current", who: str = "person:eve") -> dict[str, Any]:
        answer = self.get(f"incidents/{incident}", who)
        assert answer.ok, answer.data
        found: dict[str, Any] = answer.data
        return found

    def timeline(self, incident: str) -> list[dict[str, Any]]:
        answer = self.get(f"incidents/{incident}/timeline", everything="true")
        assert answer.ok, answer.data
        found: list[dict[str, Any]] = answer.data
        return found

    def kinds(self, incident: str) -> list[str]:
        """The kinds of entries on an incident's timeline, in order."""
        return [entry["kind"] for entry in self.timeline(incident)]

    def entries(self, incident: str, kind: str) -> list[dict[str, Any]]:
        return [entry for entry in self.timeline(incident) if entry["kind"] == kind]

    # --- time and trouble --------------------------------------------------------------------------

    def wait(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0) -> None:
        """Let virtual time pass, and everything happen that happens meanwhile."""
        total = seconds + minutes * 60 + hours * 3600
        self.loop.run_until_complete(asyncio.sleep(total))
        if self._work.done():
            self._work.result()

    def settle(self) -> None:
        """A few seconds: roll calls answered, evidence in, what is due done."""
        self.wait(8)

    def restart(self, *, down_seconds: float = 0) -> None:
        """Kill the coordinator, let time pass without it, and start it on what it had written."""
        self._end()
        self.time.move_to(self.time.us + round(down_seconds * SECOND))
        self._boot()

    def step_wall_clock(self, seconds: float) -> None:
        self.time.wall_us += round(seconds * SECOND)

    @property
    def now(self) -> datetime:
        return self.time.now().utc

    def seconds_until(self, at: str) -> float:
        """From now to an instant as the API writes it; negative when it is past."""
        return (datetime.fromisoformat(at) - self.now).total_seconds()

    def letters(self, to: str = "") -> list[Letter]:
        """What was told over channels, oldest first; to: `person:ada` or `audience:public`."""
        return [one for one in self.outside.letters if not to or one.to == to]

    def close(self) -> None:
        self._end()

    # --- inside ------------------------------------------------------------------------------------

    def _length(self) -> int:
        return len(self.disk.events)

    def _boot(self) -> None:
        self._lives += 1
        self.loop = InlineLoop(self.time)
        clock, crash = VirtualClock(self.time), NoCrashPoints()
        self.store = MemoryStore(self.disk, crash)
        self.loop.run_until_complete(self.store.open(f"life-{self._lives}"))
        post = CommandPost(self.store, clock, crash)
        post.load(self.policy)
        hub = Hub(self.store)
        monitor = Monitor(post, self.adapters, clock, crash)
        checks = Preflight(post, self.store, self.adapters, monitor, clock, self.ground)
        hands = WithCoordinator(self.adapters, checks)
        views = Views(post, self.store, monitor, clock)

        async def audit() -> dict[str, Any]:
            found = verify(self.store, _NoKeys())
            return {"ok": found.ok, "entries": found.entries, "problems": [
                asdict(one) for one in found.problems
            ]}  # fmt: skip

        secrets = iter(f"{self._lives:03d}{number:061d}" for number in range(10_000))
        self.coordinator = Coordinator(
            home=self.home, version="0", started_at=clock.now().utc, post=post, store=self.store, hub=hub,
            views=views, access=Access(post, self.store, clock, lambda _: None, lambda: next(secrets)),
            reports=Reports(views, post, clock, self.archive), adapters=self.adapters, clock=clock,
            monitor=monitor, runner=Runner(post, self.store, hub, hands, clock, crash),
            checks=PreflightWatch(checks, post, clock, lambda: 0.5),
            timekeeper=Timekeeper(post, hub, clock, crash), read_policy=self._read_again, audit=audit,
        )  # fmt: skip
        face = HttpFace(self.coordinator, lambda: None, port=7777)
        transport = httpx.ASGITransport(face)
        self._client = httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}/api/v1/")
        self._work = self.loop.create_task(self.coordinator.run())
        self.wait(5)

    def _read_again(self) -> Policy:
        """The documents as they are now. Raises Invalid, and what was adopted last stays."""
        found = load(self.home, catalogue_of(_Only()))
        if found.policy is None:
            raise Invalid("\n".join(str(one) for one in found.problems if one.is_error))
        self.policy = found.policy
        return found.policy

    def _end(self) -> None:
        self.store.abandon()
        self.loop.selector.ending = True
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        with contextlib.suppress(BaseException):
            self.loop.run_until_complete(asyncio.wait(tasks))
        self.loop.close()

    def _ask(self, method: str, path: str, who: str, **more: Any) -> Answer:
        return self.loop.run_until_complete(self._request(method, path, who, **more))

    async def _request(self, method: str, path: str, who: str, **more: Any) -> Answer:
        new = who not in self._tokens
        if new:
            self._tokens[who], _ = await self.coordinator.access.issue(who)
        headers = {"Authorization": f"Bearer {self._tokens[who]}"}
        answer = await self._client.request(method, path, headers=headers, **more)
        if answer.status_code == UNAUTHORISED and not new:
            del self._tokens[who]  # it has expired, as over a long time it does
            return await self._request(method, path, who, **more)
        kind = answer.headers.get("content-type", "")
        return Answer(answer.status_code, answer.json() if "json" in kind else answer.text)

    def _agent_says(self, command: AnswerRollCall, who: Principal) -> None:
        def send() -> None:
            if not self.loop.is_closed():
                self._said = self.loop.create_task(
                    self.coordinator.post.do(command, Request(who, "agent"))
                )

        self.time.after(SECOND // 5, send)


def read_project(folder: Path) -> Policy:
    """The policy of a project folder whose documents name the simulated world's adapter `sim`.

    Raises AssertionError with every problem when it does not load.
    """
    found = load(folder, catalogue_of(_Only()))
    assert found.policy is not None, "\n".join(str(one) for one in found.problems)
    return found.policy


class _Only(InstalledAdapters):
    """An installation that has the simulated world's adapter alone."""

    def __init__(self) -> None:
        super().__init__([])

    def infos(self) -> tuple[AdapterInfo, ...]:
        return (INFO,)


@contextlib.contextmanager
def stage_of(folder: Path, start: datetime | None = None) -> Iterator[Stage]:
    """A stage on the documents of a project folder."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    stage = Stage(read_project(folder), folder, start)
    try:
        yield stage
    finally:
        stage.close()
