"""Actuator `container`: stops, kills, starts, restarts, pauses containers, and Compose projects in order."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from allstop.adapters.container import acting, projects, reading
from allstop.adapters.container.engine import Engine, EngineError, Seen
from allstop.adapters.container.options import (
    ContainerOptions,
    EngineOptions,
    LogsOptions,
    OrderOptions,
    ProjectOptions,
    RunOptions,
    TargetOptions,
)
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.order_file import NewerOrder, Unreadable
from allstop.adapters.mechanisms.order_marks import Mark, marking, read_marks
from allstop.adapters.mechanisms.text import one_line
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Ending, Outcome, Repeat, done, failed, retry, unknown

_ENDS = ("stop", "kill", "pause", "stop-project")
_AGAIN = Repeat.REPEATABLE


class Container:
    """See `info`."""

    info = AdapterInfo(
        name="container",
        summary="Stops, kills, starts and pauses containers, and whole Compose projects in order.",
        version="1",
        ports=("actuator",),
        verbs=(
            VerbInfo(
                "stop",
                "Sends the stop signal; the engine kills it after the grace.",
                _AGAIN,
                RunOptions,
                inverse="start",
            ),
            VerbInfo("kill", "Kills it at once.", _AGAIN, ContainerOptions),
            VerbInfo("start", "Starts it; it must stay up.", _AGAIN, RunOptions),
            VerbInfo("restart", "Stops and starts it, once for each order.", _AGAIN, RunOptions),
            VerbInfo(
                "pause",
                "Freezes all its processes; memory and connections are kept.",
                _AGAIN,
                ContainerOptions,
                inverse="unpause",
            ),
            VerbInfo("unpause", "Lets its processes go on.", _AGAIN, ContainerOptions),
            VerbInfo(
                "stop-project",
                "Stops all containers of a Compose project, dependents first.",
                _AGAIN,
                ProjectOptions,
                inverse="start-project",
            ),
            VerbInfo(
                "start-project",
                "Starts all containers of a Compose project, what others need first.",
                _AGAIN,
                ProjectOptions,
            ),
            VerbInfo(
                "logs",
                "Keeps the end of its logs as evidence.",
                _AGAIN,
                LogsOptions,
                read_only=True,
            ),
            VerbInfo(
                "inspect",
                "Keeps the engine's description of it as evidence, without secrets.",
                _AGAIN,
                TargetOptions,
                read_only=True,
            ),
        ),
    )

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:
        """Carry out one verb. What was asked for and not read back is unknown."""
        verb = self.info.verb(effect.verb)
        if verb is None:
            return failed(f"no verb {effect.verb}")
        options = read_options(verb.options, effect.options)
        if isinstance(options, str):
            return failed(options)
        assert isinstance(options, EngineOptions)
        engine = Engine(options.socket, Deadline.within(effect.timeout_ms))
        attempt = _Attempt(effect, options, engine, keep)
        try:
            if isinstance(options, ProjectOptions):
                return await attempt.on_project(options)
            assert isinstance(options, TargetOptions)
            return await attempt.on_container(options)
        except EngineError as error:
            return acting.trouble(engine, error)
        except (NewerOrder, projects.BadProjectError) as error:
            return failed(one_line(str(error)))
        except TimeoutError as error:
            return retry(one_line(str(error)))
        except (Unreadable, OSError) as error:
            text = one_line(f"the state file: {error}")
            return unknown(text) if engine.changed else failed(text)

    async def observe(self, effect: Effect) -> Outcome:
        """Done when this order was the last one and the container is as it asks for."""
        verb = self.info.verb(effect.verb)
        if verb is None:
            return failed(f"no verb {effect.verb}")
        if verb.read_only:
            return failed("a reading changes nothing")
        options = read_options(verb.options, effect.options)
        if isinstance(options, str):
            return failed(options)
        if not isinstance(options, ContainerOptions):
            return unknown("a project may be half way; look at its containers")
        engine = Engine(options.socket, Deadline.within(effect.timeout_ms))
        try:
            seen = await engine.inspect(options.container)
            mark = read_marks(Path(options.state_file)).get(_place(options.socket, seen), Mark())
        except (EngineError, Unreadable) as error:
            return unknown(str(error))
        return _observed(effect, seen, mark)

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Look whether the engine answers and knows the container, or containers of the project."""
        if "project" in options:
            return await _verify_project(options, Deadline.within(timeout_ms))
        wanted: dict[str, Any] = {
            name: options[name] for name in ("socket", "container") if name in options
        }
        chosen = read_options(TargetOptions, wanted)
        if isinstance(chosen, str):
            return failed(chosen)
        try:
            engine = Engine(chosen.socket, Deadline.within(timeout_ms))
            seen = await engine.inspect(chosen.container)
        except EngineError as error:
            return failed(str(error))
        return done(f"{seen.name} is {seen.status}")


async def _verify_project(options: dict[str, Any], deadline: Deadline) -> Outcome:
    chosen = read_options(ProjectOptions, options)
    if isinstance(chosen, str):
        return failed(chosen)
    try:
        found = await Engine(chosen.socket, deadline).of_project(chosen.project)
        project = projects.project_of(found, complete=True)
    except (EngineError, projects.BadProjectError) as error:
        return failed(one_line(str(error)))
    if not found:
        return failed(f"no container of {chosen.project}")
    return done(f"{len(found)} containers of {len(project.services)} services")


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One order under way."""

    effect: Effect
    options: EngineOptions
    engine: Engine
    keep: BlobSink

    async def on_container(self, options: TargetOptions) -> Outcome:
        seen = await self.engine.inspect(options.container)
        if isinstance(options, LogsOptions):
            return await reading.logs(self.engine, seen, options, self.keep)
        if not isinstance(options, ContainerOptions):
            return reading.described(seen, self.keep)
        before = await self.claim(options, [seen])
        if isinstance(options, RunOptions):
            return await self.run(options, seen, before[0])
        simple: dict[str, Callable[[Engine, Seen], Awaitable[Outcome]]] = {
            "kill": acting.kill,
            "pause": acting.pause,
            "unpause": acting.unpause,
        }
        return await simple[self.effect.verb](self.engine, seen)

    async def run(self, options: RunOptions, seen: Seen, before: Mark) -> Outcome:
        match self.effect.verb:
            case "stop":
                return await acting.stop(self.engine, seen, options.grace)
            case "start":
                return await acting.start(self.engine, seen, options.settle)
        return await self.restart(options, seen, before)

    async def restart(self, options: RunOptions, seen: Seen, before: Mark) -> Outcome:
        """Stop and start, unless this very order has done so already."""
        mine = before.key == self.effect.id and before.verb == "restart"
        began = before.notes.get("started_at") if mine else seen.started_at
        if seen.started_at == began and not seen.is_down():
            stopped = await acting.stop(self.engine, seen, options.grace)
            if stopped.ending is not Ending.DONE:
                return stopped
            self.newest(options, [seen])
            seen = await self.engine.inspect(seen.id)
        return await acting.start(self.engine, seen, options.settle)

    async def on_project(self, options: ProjectOptions) -> Outcome:
        found = await self.engine.of_project(options.project)
        if not found:
            return failed(f"no container of {options.project}")
        starts = self.effect.verb == "start-project"
        project = projects.project_of(found, complete=starts)
        await self.claim(options, found)

        def check() -> None:
            self.newest(options, found)

        if starts:
            return await projects.start(self.engine, project, options.settle, check)
        return await projects.stop(self.engine, project, options.grace, check)

    async def claim(self, options: OrderOptions, found: Sequence[Seen]) -> list[Mark]:
        """Note the order's number for each; the marks that stood before. Raises NewerOrder and the like."""
        path, effect = Path(options.state_file), self.effect
        async with marking(path, self.engine.deadline, ends=effect.verb in _ENDS) as marks:
            places = [_place(self.options.socket, one) for one in found]
            before = [marks.allow(place, effect.epoch) for place in places]
            for one, mark in zip(found, before, strict=True):
                # The same order again keeps what it noted the first time.
                again = mark.key == effect.id and mark.verb == effect.verb
                notes = None if again else {"started_at": one.started_at}
                marks.put(_place(self.options.socket, one), effect, notes)
        return before

    def newest(self, options: OrderOptions, found: Sequence[Seen]) -> None:
        """Raises NewerOrder when another order has overtaken this one, and Unreadable."""
        marks = read_marks(Path(options.state_file))
        for one in found:
            standing = marks.get(_place(self.options.socket, one), Mark())
            if standing.epoch > self.effect.epoch:
                raise NewerOrder(f"half way, a newer order stands: {standing.epoch}")


def _place(socket: str, seen: Seen) -> str:
    return f"{socket} {seen.name}"


def _observed(effect: Effect, seen: Seen, mark: Mark) -> Outcome:
    reached = {
        "stop": seen.is_down(),
        "kill": seen.is_down(),
        "start": seen.is_up(),
        "restart": seen.is_up() and seen.started_at != mark.notes.get("started_at"),
        "pause": seen.paused,
        "unpause": seen.is_up(),
    }[effect.verb]
    if mark.key != effect.id or mark.verb != effect.verb:
        return failed("the order has not begun, or another has come since")
    if reached:
        return done(f"it is {seen.status}", seen.facts())
    return unknown(f"it was asked for, and it is {seen.status}")
