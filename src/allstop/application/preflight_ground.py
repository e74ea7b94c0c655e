"""What the checks of a preflight stand on: what is looked at, how many at once, and for how long."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from allstop.application.masking import mask_text
from allstop.application.monitor import Monitor
from allstop.application.ports import Adapters, Clock, Ready, Store, Surroundings, Verifiable
from allstop.domain.effects import Ending, Outcome, failed, unknown
from allstop.domain.incident.course_events import CheckResult
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now, words
from allstop.domain.policy import Policy
from allstop.domain.preflight import MENDS
from allstop.domain.world import World

# How many looks are under way at once, and how many of them on one host: a preflight is no load test.
AT_ONCE, AT_ONCE_PER_HOST = 32, 4
REACH_MS = 5_000
# Between the end of one look and the end of the whole, so that what was found is always reported.
REST_MS = 1_000
TEXT_LIMIT = 300
SUBJECT_LIMIT = 200

Found = list[CheckResult]


@dataclass(slots=True)
class Progress:
    """How far it is. total grows while checks find out what there is to look at."""

    done: int = 0
    total: int = 0


@dataclass(slots=True)
class Ground:
    """What the checks look at. incident: None outside of one; services: those it is about, empty for all;

    now: when it began; limit_ms: when all of it has ended.
    """

    policy: Policy
    incident: Incident | None
    world: World
    clock: Clock
    adapters: Adapters
    monitor: Monitor
    store: Store
    surroundings: Surroundings
    limit_ms: int
    services: Collection[str] = ()
    progress: Progress = field(default_factory=Progress)
    now: Now = field(init=False)
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))
    _hosts: dict[str, asyncio.Semaphore] = field(default_factory=dict)
    _tries: dict[str, asyncio.Task[Outcome]] = field(default_factory=dict)

    _host_of: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.now = self.clock.now()
        self._host_of = {one.name: one.host for one in self.policy.fleet.services}

    @property
    def hit(self) -> tuple[str, ...]:
        return self.incident.services if self.incident else ()

    def wants(self, service: str) -> bool:
        """Whether it is about this service; empty for what belongs to none."""
        return not self.services or service in self.services

    def host_of(self, service: str) -> str:
        return self._host_of.get(service, "")

    async def look(self, host: str, work: Callable[[], Awaitable[CheckResult]]) -> CheckResult:
        """One look, in its turn and within the time of the whole; how long it took stands in its result."""
        began = self.clock.now().monotonic_ms
        try:
            async with asyncio.timeout(self._left_ms() / 1000), AsyncExitStack() as turn:
                if host:
                    per_host = asyncio.Semaphore(AT_ONCE_PER_HOST)
                    await turn.enter_async_context(self._hosts.setdefault(host, per_host))
                await turn.enter_async_context(self._places)
                began = self.clock.now().monotonic_ms
                found = await work()
        finally:
            self.progress.done += 1
        return _timed(found, self.clock.now().monotonic_ms - began)

    async def looks(
        self, check: str, jobs: Mapping[str, tuple[str, Callable[[], Awaitable[CheckResult]]]]
    ) -> Found:
        """Many looks at once, each by its subject: on which host, and how. One that takes too long is unknown,
        and keeps no other from being reported."""
        self.progress.total += len(jobs)

        async def one(subject: str, host: str, work: Callable[[], Awaitable[CheckResult]]) -> Any:
            try:
                return await self.look(host, work)
            except TimeoutError:
                late = f"no end within {words(self.limit_ms)}, with all there is to look at"
                return result(check, subject, None, late)

        return list(
            await asyncio.gather(*(one(name, host, work) for name, (host, work) in jobs.items()))
        )

    def _left_ms(self) -> int:
        over = self.now.monotonic_ms + self.limit_ms - REST_MS
        return max(1, over - self.clock.now().monotonic_ms)

    async def tried(
        self, adapter: str, verb: str, options: dict[str, Any], timeout_ms: int = REACH_MS
    ) -> Outcome:
        """Whether an adapter could act now; asked once, whoever wants to know. verb: empty for a channel or an
        agent."""
        key = json.dumps([adapter, verb, options], sort_keys=True, default=repr)
        if key not in self._tries:
            trying = _try(self.adapters, adapter, verb, options, timeout_ms)
            self._tries[key] = asyncio.ensure_future(trying)
        # Whoever gives up waiting must not end it for the others.
        return await asyncio.shield(self._tries[key])

    def end(self) -> None:
        """Nothing of it goes on."""
        for task in self._tries.values():
            task.cancel()


async def _try(
    adapters: Adapters, adapter: str, verb: str, options: dict[str, Any], timeout_ms: int
) -> Outcome:
    """What an adapter can see of its target without disturbing it. Whatever it does wrong means unknown."""
    actuator: Any = adapters.actuator(adapter)
    if actuator is None:
        return failed(f"there is no adapter {adapter}")
    try:
        async with asyncio.timeout((timeout_ms + REST_MS) / 1000):
            if verb and isinstance(actuator, Ready):
                seen: Any = await actuator.ready(verb, options, timeout_ms)
            elif isinstance(actuator, Verifiable):
                seen = await actuator.verify(options, timeout_ms)
            else:
                return unknown(f"{adapter} cannot look without doing something")
    except TimeoutError:
        return unknown(f"no answer within {words(timeout_ms)}")
    except Exception as error:  # noqa: BLE001  (the edge to adapters, as in the monitor)
        return unknown(f"{adapter} raised {type(error).__name__}: {error}")
    if not isinstance(seen, Outcome):
        return unknown(f"{adapter} answered with {type(seen).__name__}, which is no outcome")
    return seen


def result(
    check: str,
    subject: str,
    ok: bool | None,
    text: str,
    *,
    mend: str = "",
    concerns: Iterable[str] = (),
) -> CheckResult:
    """What a check found, as the log can hold it. mend: empty for what the check usually says."""
    # Masked before it is cut: half a secret matches no shape.
    said = " ".join(mask_text(text)[0].split())[:TEXT_LIMIT]
    about = " ".join(subject.split())[:SUBJECT_LIMIT]
    how = "" if ok is True else mend or MENDS.get(check, "")
    return CheckResult(check, about, ok, said, how, tuple(dict.fromkeys(concerns)))


def judged(
    check: str, subject: str, seen: Outcome, *, mend: str = "", concerns: Iterable[str] = ()
) -> CheckResult:
    """What an adapter answered, as a result."""
    ok = {Ending.DONE: True, Ending.FAILED: False}.get(seen.ending)
    text = seen.because or seen.ending.value
    return result(check, subject, ok, text, mend=mend, concerns=concerns)


def _timed(one: CheckResult, took_ms: int) -> CheckResult:
    return CheckResult(
        one.check, one.subject, one.ok, one.text, one.mend, one.concerns, max(0, took_ms)
    )
