"""A coordinator on the memory store, driven by real commands; the world it acts on is a script."""

import hashlib
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from allstop.adapters.crash_points import NoCrashPoints
from allstop.adapters.memory_store import MemoryStore
from allstop.application.access import Access
from allstop.application.command_post import Attached, CommandPost, Request
from allstop.application.coordinator import Coordinator
from allstop.application.hub import Hub
from allstop.application.monitor import Monitor, Watch
from allstop.application.ports import (
    Actuator,
    AdapterInfo,
    Claim,
    EffectState,
    Finish,
    Probe,
    VerbInfo,
)
from allstop.application.reports import Reports
from allstop.application.runner import Runner
from allstop.application.timekeeper import Timekeeper
from allstop.application.views import Views
from allstop.domain.effects import LANES, Effect, Ending, Outcome, Purpose, Repeat, done
from allstop.domain.halt.commands import AnswerRollCall
from allstop.domain.incident import commands as c
from allstop.domain.moment import Now
from allstop.domain.plan.commands import RecordOutcome
from allstop.domain.policy import Policy
from allstop.domain.principal import MONITOR, RUNNER, Kind, Principal
from allstop.domain.samples import Sample
from tests.faces.web.rules import shop

ADA = Principal("ada", Kind.PERSON, "test")
GRACE = Principal("grace", Kind.PERSON, "test")
START = datetime(2026, 3, 14, 3, 7, 0, tzinfo=UTC)
Answer = Callable[[Effect], Outcome | None]


class StageClock:
    """Stands still until it is moved, or runs once it is let go."""

    def __init__(self) -> None:
        self.passed_ms = 0
        self._since: float | None = None

    def let_run(self) -> None:
        self._since = time.monotonic()

    def now(self) -> Now:
        ran = 0 if self._since is None else round((time.monotonic() - self._since) * 1000)
        passed = self.passed_ms + ran
        return Now(START + timedelta(milliseconds=passed), 1_000_000 + passed, "boot")

    async def sleep(self, milliseconds: int) -> None:
        self.passed_ms += milliseconds


class NoOptions(BaseModel):
    """Takes nothing."""


class NamedAdapters:
    """Adapters that are only named: on this stage the script answers in their place."""

    def probe(self, name: str) -> Probe | None:
        return None

    def actuator(self, name: str) -> Actuator | None:
        return None

    def infos(self) -> tuple[AdapterInfo, ...]:
        verb = VerbInfo("rollback", "Goes back to a release.", Repeat.PROBE, NoOptions, inverse="")
        return (
            AdapterInfo("http-probe", "Asks a URL.", "1", ("probe",), probe_options=NoOptions),
            AdapterInfo(
                "scripted", "Answers from a script.", "1", ("actuator", "notifier"), (verb,)
            ),
        )

    def unavailable(self) -> dict[str, str]:
        return {"pigeon-post": "ImportError: no module named pigeons"}


class NoArchive:
    def keep(self, name: str, text: str) -> str:
        return f"reports/{name}"


def all_well(effect: Effect) -> Outcome | None:
    """Every effect succeeds, with evidence that reads like evidence."""
    if effect.purpose is Purpose.EVIDENCE and effect.ref.endswith("recent-changes"):
        text = f"commit 4f1c9aa {effect.target}: round amounts down\n2 minutes before the first failure\n"
        body = text.encode()
        facts: dict[str, Any] = {
            "head_age_seconds": 340,
            "head_tree": "9bd1f0",
            "schema_changed": False,
        }
        return Outcome(Ending.DONE, "one change, 5m 40s old", facts, _kept(body))
    if effect.purpose is Purpose.PREFLIGHT:
        seen: dict[str, Any] = {
            "probes/payments-health": "ok: 200 in 12 ms",
            "channels/chat": "failed: the chat does not take messages",
            "agents/docs-bot": "unknown: no answer within 1000 ms",
        }
        return Outcome(Ending.DONE, "looked at everything", seen)
    said = {
        Purpose.TELL: "order written where it reads",
        Purpose.CONFIRM: "process asleep, lease returned",
        Purpose.FREEZE: "stopped, state T read back",
        Purpose.RESUME: "order withdrawn",
        Purpose.NOTIFY: "delivered",
        Purpose.EVIDENCE: "process runs",
        Purpose.STEP: "done and read back",
    }[effect.purpose]
    return done(said)


BODIES: dict[str, bytes] = {}


def _kept(body: bytes) -> str:
    digest = hashlib.sha256(body).hexdigest()
    BODIES[digest] = body
    return digest


@dataclass
class Stage:
    """The coordinator and the levers that move its world."""

    coordinator: Coordinator
    clock: StageClock
    answers: Answer = all_well
    waiting: list[Claim] = field(default_factory=list)

    @property
    def post(self) -> CommandPost:
        return self.coordinator.post

    async def do(self, command: Any, who: Principal = ADA) -> dict[str, Any]:
        return await self.post.do(command, Request(who, "test"))

    async def approve(self, incident: str, purpose: str) -> None:
        """The commander approves the newest plan for a purpose, as it was shown."""
        plan = [one for one in self.post.world.plans_of(incident) if one.purpose == purpose][-1]
        await self.do(c.Approve(incident, f"plan:{plan.id}", plan.hash))
        await self.settle()

    async def pass_time(self, seconds: float) -> None:
        self.clock.passed_ms += round(seconds * 1000)
        await self.settle()

    async def settle(self) -> None:
        """Due commands and effects, until nothing moves. An answer of None leaves an effect under way."""
        for _ in range(200):
            moved = len(self.coordinator.store.records(limit=100_000))
            await self.coordinator.timekeeper.tick()
            claims = await self.coordinator.store.claim(LANES, 100, self.clock.now().utc)
            for claim in claims:
                await self._answer(claim)
            if not claims and moved == len(self.coordinator.store.records(limit=100_000)):
                return
        raise AssertionError("the stage never comes to rest")

    async def _answer(self, claim: Claim) -> None:
        outcome = self.answers(claim.effect)
        if outcome is None:
            self.waiting.append(claim)
            return
        state = EffectState.DONE if outcome.ending is Ending.DONE else EffectState.FAILED
        blobs = {outcome.evidence: BODIES[outcome.evidence]} if outcome.evidence else {}
        finish = Finish(claim.token, state, outcome.because)
        command = RecordOutcome(claim.effect, outcome)
        await self.post.do(command, Request(RUNNER, claim.effect.id), Attached(finish, blobs))

    async def answer_waiting(self) -> None:
        """The world answers what it had left open."""
        waiting, self.waiting = self.waiting, []
        for claim in waiting:
            await self._answer(claim)
        await self.settle()

    def sample_all(self, *down: str) -> tuple[Sample, ...]:
        """What the monitor would see, in its memory too; `down` are services."""
        now = self.clock.now().utc
        found = []
        for spec in self.post.book.latest.fleet.probes():
            bad = spec.service in down
            text = "500 in 1203 ms, wanted 200" if bad else "200 in 12 ms"
            sample = Sample(spec.name, not bad, text)
            found.append(sample)
            fails, passes = (3, 0) if bad else (0, 3)
            watches = self.coordinator.monitor.watches
            watches[spec.name] = Watch(fails, passes, bad, None if bad else now, sample, now)
        return tuple(found)

    async def round(self, incident: str, *down: str) -> None:
        """One round of samples, five seconds after the last."""
        self.clock.passed_ms += 5000
        await self.do(c.RecordSamples(incident, self.sample_all(*down), 5000), MONITOR)
        await self.settle()

    async def answer(self, agent: str, halt: str, doing: str) -> None:
        command = AnswerRollCall(
            agent,
            halt,
            "stopped",
            doing,
            hashlib.sha256(agent.encode()).hexdigest(),
            f"work/{agent}",
        )
        await self.do(command, Principal(agent, Kind.AGENT, "test"))


async def raised(policy: Policy | None = None, store: MemoryStore | None = None) -> Stage:
    """A coordinator that has just started."""
    clock, crash, adapters = StageClock(), NoCrashPoints(), NamedAdapters()
    store = store or MemoryStore()
    await store.open("test")
    chosen = policy or shop()
    post = CommandPost(store, clock, crash)
    post.load(chosen)
    hub = Hub(store)
    monitor = Monitor(post, adapters, clock, crash)
    views = Views(post, store, monitor, clock)
    numbers = itertools.count(1)
    access = Access(post, store, clock, lambda _: "ada", lambda: f"secret-{next(numbers)}")

    async def audit() -> dict[str, Any]:
        return {}

    coordinator = Coordinator(
        home=Path("/srv/shop"), version="0.1.0", started_at=clock.now().utc, post=post, store=store,
        hub=hub, views=views, access=access, reports=Reports(views, post, clock, NoArchive()),
        adapters=adapters, clock=clock, monitor=monitor,
        runner=Runner(post, store, hub, adapters, clock, crash),
        timekeeper=Timekeeper(post, hub, clock, crash), read_policy=lambda: chosen, audit=audit,
    )  # fmt: skip
    await coordinator.sync_roster()
    return Stage(coordinator, clock)
