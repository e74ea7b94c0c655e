"""Compose projects: dependents stop first, and start last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from allstop.adapters.container import acting
from allstop.adapters.container.engine import Engine, EngineError, Seen
from allstop.adapters.mechanisms.text import one_line
from allstop.domain.effects import Ending, Outcome, done, failed, retry, unknown

_SERVICE = "com.docker.compose.service"
_DEPENDS = "com.docker.compose.depends_on"
_MOST_AT_ONCE = 8


class BadProjectError(Exception):
    """The labels of a project make no sense; nothing was changed."""


@dataclass(slots=True)
class Service:
    """needs: other services, each with the condition that must hold before this one starts."""

    name: str
    containers: list[Seen] = field(default_factory=list)
    needs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Project:
    """waves: services, each wave needing only earlier ones."""

    services: dict[str, Service]
    waves: tuple[tuple[str, ...], ...]


def project_of(containers: Sequence[Seen], *, complete: bool) -> Project:
    """complete: a service that is needed must be there. Raises BadProjectError."""
    services: dict[str, Service] = {}
    for one in containers:
        name = one.labels.get(_SERVICE, "")
        if not name:
            raise BadProjectError(f"{one.name} has no label {_SERVICE}")
        service = services.setdefault(name, Service(name))
        service.containers.append(one)
        service.needs |= _needs(one)
    for service in services.values():
        for name in set(service.needs) - services.keys():
            if complete:
                raise BadProjectError(f"{service.name} needs {name}, which has no container")
            del service.needs[name]
    return Project(services, _waves(services))


def _needs(seen: Seen) -> dict[str, str]:
    """`db:service_healthy:true,cache:service_started:false`, or plain names."""
    found = {}
    for entry in seen.labels.get(_DEPENDS, "").split(","):
        name, _, rest = entry.strip().partition(":")
        if name:
            found[name] = rest.partition(":")[0] or "service_started"
    return found


def _waves(services: dict[str, Service]) -> tuple[tuple[str, ...], ...]:
    order = TopologicalSorter({name: set(one.needs) for name, one in services.items()})
    try:
        order.prepare()
    except CycleError as error:
        raise BadProjectError(f"services need each other: {' '.join(error.args[1])}") from None
    waves = []
    while order.is_active():
        ready = tuple(sorted(order.get_ready()))
        waves.append(ready)
        order.done(*ready)
    return tuple(waves)


Act = Callable[[Engine, Seen], Awaitable[Outcome]]


async def stop(
    engine: Engine, project: Project, grace_ms: int, check: Callable[[], None]
) -> Outcome:
    """Wave by wave, dependents first. What could not be stopped keeps what it needs running."""

    async def end(engine: Engine, seen: Seen) -> Outcome:
        return await acting.stop(engine, seen, grace_ms)

    return await _in_waves(engine, project, tuple(reversed(project.waves)), end, check)


async def start(
    engine: Engine, project: Project, settle_ms: int, check: Callable[[], None]
) -> Outcome:
    """Wave by wave, each once what it needs is as it must be."""

    async def begin(engine: Engine, seen: Seen) -> Outcome:
        service = project.services[seen.labels[_SERVICE]]
        for name, condition in service.needs.items():
            for needed in project.services[name].containers:
                fault = await _lacking(engine, needed, condition)
                if fault:
                    return failed(fault)
        if _must_end(project, service.name):
            return await _run_to_its_end(engine, seen)
        return await acting.start(engine, seen, settle_ms)

    return await _in_waves(engine, project, project.waves, begin, check)


def _must_end(project: Project, name: str) -> bool:
    wanted = (one.needs.get(name) for one in project.services.values())
    return "service_completed_successfully" in wanted


async def _run_to_its_end(engine: Engine, seen: Seen) -> Outcome:
    """A container that others need to have ended well."""
    if seen.is_down() and seen.status == "exited" and seen.exit_code == 0:
        return done("it had ended well")
    if not seen.is_up():
        answer = await engine.change(seen, "start")
        if not answer.is_good():
            return failed(answer.said())
    after = await engine.inspect(seen.id)
    while not after.is_down():
        await engine.pause_between_looks()
        after = await engine.inspect(seen.id)
    if after.exit_code:
        return failed(f"it ended with exit code {after.exit_code}")
    return done("it ended well")


async def _lacking(engine: Engine, needed: Seen, condition: str) -> str:
    """Waits for a needed container to be healthy; empty when all is as it must be."""
    if condition != "service_healthy":
        return ""
    seen = await engine.inspect(needed.id)
    while seen.is_up() and seen.health == "starting":
        await engine.pause_between_looks()
        seen = await engine.inspect(needed.id)
    if seen.is_up() and seen.health == "healthy":
        return ""
    return f"{seen.name}, which it needs, is {seen.health or 'without a health check'}"


async def _in_waves(
    engine: Engine,
    project: Project,
    waves: tuple[tuple[str, ...], ...],
    act: Act,
    check: Callable[[], None],
) -> Outcome:
    slots, number = asyncio.Semaphore(_MOST_AT_ONCE), 0

    async def one_of(seen: Seen) -> tuple[str, Outcome]:
        async with slots:
            try:
                return seen.name, await act(engine, seen)
            except EngineError as error:
                return seen.name, acting.trouble(engine, error)

    for wave in waves:
        check()
        chosen = [one for name in wave for one in project.services[name].containers]
        ended = await asyncio.gather(*(one_of(one) for one in chosen))
        number += sum(one.ending is Ending.DONE for _, one in ended)
        fault = _worst(ended)
        if fault is not None:
            return fault
    return done(f"{number} containers, in {len(waves)} waves", {"containers": number})


def _worst(ended: Sequence[tuple[str, Outcome]]) -> Outcome | None:
    """The worst end of a wave, naming the container; None when all are done."""
    for ending, make in ((Ending.UNKNOWN, unknown), (Ending.FAILED, failed), (Ending.RETRY, retry)):
        for name, one in ended:
            if one.ending is ending:
                return make(one_line(f"{name}: {one.because}"))
    return None
