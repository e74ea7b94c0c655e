"""Preflight: the coordinator looks whether everything is ready, as an actuator of its own or when asked."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import structlog
from pydantic import BaseModel

from allstop.application.command_post import CommandPost
from allstop.application.monitor import Monitor
from allstop.application.ports import (
    Actuator,
    AdapterInfo,
    Adapters,
    BlobSink,
    Clock,
    Probe,
    Store,
    Surroundings,
    VerbInfo,
)
from allstop.application.preflight_checks import MADE
from allstop.application.preflight_ground import Found, Ground, Progress, result
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed
from allstop.domain.incident.course_events import CheckResult
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Policy
from allstop.domain.preflight import CHECKS, write_results
from allstop.domain.react import COORDINATOR

log = structlog.get_logger("allstop.preflight")

VERB = "preflight"
# Below the time its effect has, so that what was found so far is always reported.
LIMIT_MS = 45_000


class PreflightOptions(BaseModel):
    """Which incident, under which policy, and what to look at."""

    incident: str
    policy: str
    checks: list[str]


class Preflight:
    """The actuator `coordinator`: it reads and changes nothing, so it may be repeated at any time."""

    info = AdapterInfo(
        name=COORDINATOR,
        summary="The coordinator itself.",
        version="1",
        ports=("actuator",),
        verbs=(
            VerbInfo(
                VERB, "Makes the protocol's checks.", Repeat.REPEATABLE, PreflightOptions,
                read_only=True,
            ),
        ),
    )  # fmt: skip

    def __init__(
        self, post: CommandPost, store: Store, adapters: Adapters, monitor: Monitor, clock: Clock,
        surroundings: Surroundings,
    ) -> None:  # fmt: skip
        self._post = post
        self._store = store
        self._adapters = adapters
        self._monitor = monitor
        self._clock = clock
        self._surroundings = surroundings

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:  # noqa: ARG002
        """Make the checks of an incident; facts by check and subject."""
        if effect.verb != VERB:
            return failed(f"no verb {effect.verb}")
        options = PreflightOptions.model_validate(effect.options)
        incident = self._post.world.incidents.get(options.incident)
        policy = self._post.book.pinned(options.policy)
        results = await self._run(policy, incident, options.checks)
        good = sum(1 for one in results if one.ok)
        return done(f"{good} of {len(results)} checks passed", write_results(results))

    async def observe(self, effect: Effect) -> Outcome:
        """It leaves no mark, and making it again does no harm."""
        return failed(f"{effect.verb} leaves no mark; making it again does no harm")

    async def run(
        self,
        checks: Sequence[str] = (),
        services: Collection[str] = (),
        progress: Progress | None = None,
    ) -> tuple[CheckResult, ...]:
        """Outside of an incident: the checks of the protocol in force, or all where it names none.

        checks: those instead; services: only what concerns them; progress: told how far it is.
        """
        policy = self._post.book.latest
        wanted = checks or policy.protocol.preflight.checks or tuple(CHECKS)
        found = await self._run(policy, None, wanted, services, progress)
        return tuple(one for one in found if not services or is_about(one, services))

    async def _run(
        self, policy: Policy, incident: Incident | None, checks: Sequence[str],
        services: Collection[str] = (), progress: Progress | None = None,
    ) -> tuple[CheckResult, ...]:  # fmt: skip
        ground = Ground(
            policy, incident, self._post.world, self._clock, self._adapters, self._monitor, self._store,
            self._surroundings, LIMIT_MS, services, progress or Progress(),
        )  # fmt: skip
        tasks = {name: asyncio.ensure_future(_guarded(name, ground)) for name in checks}
        try:
            await asyncio.wait(tasks.values(), timeout=LIMIT_MS / 1000)
            found = {name: task.result() for name, task in tasks.items() if task.done()}
        finally:
            for task in tasks.values():
                task.cancel()
            ground.end()
        late = f"no end within {LIMIT_MS // 1000} seconds"
        return tuple(
            one for name in tasks for one in found.get(name, [result(name, "", None, late)])
        )


def is_about(one: CheckResult, services: Collection[str]) -> bool:
    """Whether a result concerns one of these services, or something that is done to it."""
    return any(name.partition("/")[0] in services for name in one.concerns)


async def _guarded(name: str, ground: Ground) -> Found:
    """One check. One that breaks is unknown, and keeps no other from being made."""
    make = MADE.get(name)
    if make is None:
        return [result(name, "", None, "this coordinator does not know the check")]
    try:
        return await make(ground)
    except Exception as error:  # noqa: BLE001  (the edge: other people's adapters, documents, and the host)
        log.warning("check broke", check=name, error=repr(error))
        return [result(name, "", None, f"it could not be made: {type(error).__name__}: {error}")]


class WithCoordinator:
    """The installed adapters, and the coordinator itself as one more actuator. For the runner alone:
    documents cannot name it."""

    def __init__(self, adapters: Adapters, own: Actuator) -> None:
        self._adapters = adapters
        self._own = own

    def probe(self, name: str) -> Probe | None:
        return self._adapters.probe(name)

    def actuator(self, name: str) -> Actuator | None:
        return self._own if name == self._own.info.name else self._adapters.actuator(name)

    def infos(self) -> tuple[AdapterInfo, ...]:
        return self._adapters.infos()

    def unavailable(self) -> dict[str, str]:
        return self._adapters.unavailable()
