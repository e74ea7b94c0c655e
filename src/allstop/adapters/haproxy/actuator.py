"""Actuator `haproxy`: takes servers out of the traffic and lets them back, over the runtime API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from pydantic import BaseModel

from allstop.adapters.haproxy.farm import Farm, Server, look
from allstop.adapters.haproxy.orders import (
    FrontendOptions,
    LessOptions,
    MaintOptions,
    OrderOptions,
    ServerOptions,
    UnweightOptions,
    WeightOptions,
    turn,
)
from allstop.adapters.haproxy.runtime import (
    Lost,
    Nonsense,
    Refused,
    Runtime,
    Unreachable,
    settled,
)
from allstop.adapters.haproxy.weights import unweight, weigh, weighs, weighs_as_before
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.options import read_options
from allstop.adapters.mechanisms.text import one_line, seconds
from allstop.application.ports import AdapterInfo, BlobSink, VerbInfo
from allstop.domain.effects import Effect, Outcome, Repeat, done, failed, unknown
from allstop.domain.policy.tables import Scalar

_FIRST_LOOK_S, _LONGEST_PAUSE_S = 0.02, 0.5

Act = Callable[[Effect, Any, Runtime], Awaitable[Outcome]]
Seen = Callable[[Farm, Any], str]


def _verb(name: str, summary: str, options: type[BaseModel], inverse: str = "") -> VerbInfo:
    return VerbInfo(name, summary, Repeat.REPEATABLE, options, inverse)


class HAProxy:
    """See `info`."""

    info = AdapterInfo(
        name="haproxy",
        summary="Drains servers of an HAProxy, weighs them, puts them into maintenance, closes frontends.",
        version="1",
        ports=("actuator",),
        verbs=(
            _verb(
                "drain",
                "Lets a server take nothing new, and waits until its sessions have ended.",
                LessOptions,
                "undrain",
            ),
            _verb("undrain", "Lets a drained server take traffic again.", ServerOptions),
            _verb(
                "maint",
                "Lets a server take nothing at all, and cuts its sessions off when asked.",
                MaintOptions,
                "ready",
            ),
            _verb(
                "ready",
                "Lets a server take traffic again, whether it was drained or in maintenance.",
                ServerOptions,
            ),
            _verb(
                "weight",
                "Gives a server a share of its configured weight, and remembers what it had.",
                WeightOptions,
                "unweight",
            ),
            _verb(
                "unweight",
                "Gives a server the weight it had before, unless somebody has changed it since.",
                UnweightOptions,
            ),
            _verb(
                "close",
                "Lets a frontend refuse new connections; those under way go on.",
                FrontendOptions,
                "open",
            ),
            _verb("open", "Lets a closed frontend take connections again.", FrontendOptions),
        ),
    )

    async def act(self, effect: Effect, keep: BlobSink) -> Outcome:  # noqa: ARG002
        """Carry out one order. Nothing is sent for a target that does not exist exactly as named."""
        verb = self.info.verb(effect.verb)
        if verb is None:
            return failed(f"no verb {effect.verb}")
        options = read_options(verb.options, effect.options)
        if isinstance(options, str):
            return failed(options)
        assert isinstance(options, OrderOptions)
        runtime = Runtime(options, Deadline.within(effect.timeout_ms))
        return await settled(_ACTS[effect.verb](effect, options, runtime), runtime, effect)

    async def observe(self, effect: Effect) -> Outcome:
        """Whether HAProxy is as the order wants it."""
        verb = self.info.verb(effect.verb)
        if verb is None:
            return failed(f"no verb {effect.verb}")
        options = read_options(verb.options, effect.options)
        if isinstance(options, str):
            return failed(options)
        assert isinstance(options, OrderOptions)
        try:
            farm = await look(Runtime(options, Deadline.within(effect.timeout_ms)))
            lacking = _SEEN[effect.verb](farm, options)
        except Refused as error:
            return failed(one_line(str(error)))
        except (Unreachable, Lost, Nonsense) as error:
            return unknown(one_line(str(error)))
        return failed(lacking) if lacking else done("HAProxy says so")

    async def verify(self, options: dict[str, Any], timeout_ms: int) -> Outcome:
        """Whether an order with these options could be given, without giving one."""
        for verb in self.info.verbs:
            chosen = read_options(verb.options, options)
            if isinstance(chosen, OrderOptions):
                return await _reach(chosen, timeout_ms)
        return failed("no verb takes these options")


async def _reach(options: OrderOptions, timeout_ms: int) -> Outcome:
    runtime = Runtime(options, Deadline.within(timeout_ms))
    try:
        level = await runtime.ask("show cli level")
        farm = await look(runtime)
        if isinstance(options, FrontendOptions):
            farm.frontend(options.frontend)
        elif isinstance(options, ServerOptions):
            farm.server(options.server)
    except (Refused, Nonsense) as error:
        return failed(one_line(str(error)))
    except (Unreachable, Lost) as error:
        return unknown(one_line(str(error)))
    if level.strip() != "admin":
        return failed(one_line(f"the socket's level is {level.strip()!r}, not admin", 120))
    return done("the admin socket answers, and the target is there")


# --- servers ---------------------------------------------------------------------------------


async def _drain(effect: Effect, options: LessOptions, runtime: Runtime) -> Outcome:
    before, server = await _ordered(
        effect, options, runtime, "drain", lambda one: not _undrained(one)
    )
    return await _until_empty(before, server, runtime, effect, "takes nothing new")


async def _maint(effect: Effect, options: MaintOptions, runtime: Runtime) -> Outcome:
    before, server = await _ordered(
        effect, options, runtime, "maint", lambda one: one.in_maintenance, kill=options.kill
    )
    if options.kill:
        return await _until_empty(before, server, runtime, effect, "takes nothing")
    return done(f"{server.path} takes nothing, {_sessions(server.busy)} left", server.facts())


async def _ordered(
    effect: Effect,
    options: LessOptions,
    runtime: Runtime,
    state: str,
    holds: Callable[[Server], bool],
    *,
    kill: bool = False,
) -> tuple[int, Server]:
    """Bring a server into a state in which it takes nothing new; its sessions before, and as read back."""
    async with turn(effect, options, runtime, options.server, ends=True) as order:
        server = order.farm.server(options.server)
        if not options.last:
            order.farm.keep_somebody(options.server)
        order.mark()
        before = server.busy
        if not holds(server):
            await order.do(f"set server {server.path} state {state}")
        if kill:
            await order.do(f"shutdown sessions server {server.path}")
        server = (await look(runtime)).server(options.server)
        if not holds(server):
            raise Refused(f"{server.path} was ordered to {state}, but is {server.status}")
        return before, server


async def _until_empty(
    before: int, server: Server, runtime: Runtime, effect: Effect, state: str
) -> Outcome:
    """Wait until no session is left. What was ordered stays as it is in any case."""
    pause = _FIRST_LOOK_S
    while server.busy:
        if runtime.deadline.left_ms() <= pause * 1000:
            because = (
                f"{_sessions(server.busy)} left on {server.path} after {seconds(effect.timeout_ms)}"
            )
            return failed(f"{because}; it {state}", server.facts())
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)
        server = (await look(runtime)).server(server.path)
        if server.takes_traffic:
            return failed(f"somebody let {server.path} take traffic again", server.facts())
    ended = f", {_sessions(before)} ended" if before else ""
    return done(f"{server.path} {state}, no session left{ended}", server.facts())


async def _undrain(effect: Effect, options: ServerOptions, runtime: Runtime) -> Outcome:
    async with turn(effect, options, runtime, options.server, ends=False) as order:
        server = order.farm.server(options.server)
        if server.in_maintenance:
            raise Refused(f"{server.path} is in maintenance, which the end of a drain does not end")
        order.mark()
        if server.drained:
            await order.do(f"set server {server.path} state ready")
        return await _back(options.server, runtime)


async def _ready(effect: Effect, options: ServerOptions, runtime: Runtime) -> Outcome:
    async with turn(effect, options, runtime, options.server, ends=False) as order:
        server = order.farm.server(options.server)
        order.mark()
        if _not_ready(server):
            await order.do(f"set server {server.path} state ready")
        return await _back(options.server, runtime)


async def _back(path: str, runtime: Runtime) -> Outcome:
    """What is read back of a server that was let take traffic again."""
    server = (await look(runtime)).server(path)
    if _not_ready(server):
        return failed(f"{path} was let back, but is {server.status}", server.facts())
    if server.takes_traffic:
        return done(f"{path} takes traffic, its state is {server.status}", server.facts())
    why = "its weight is 0" if server.weight == 0 else f"its state is {server.status}"
    return done(f"{path} may take traffic again, but does not: {why}", server.facts())


def _sessions(count: int) -> str:
    return "no session" if not count else f"{count} session{'' if count == 1 else 's'}"


# --- frontends -------------------------------------------------------------------------------


async def _close(effect: Effect, options: FrontendOptions, runtime: Runtime) -> Outcome:
    return await _frontend(effect, options, runtime, "disable", "PAUSED")


async def _open(effect: Effect, options: FrontendOptions, runtime: Runtime) -> Outcome:
    return await _frontend(effect, options, runtime, "enable", "OPEN")


async def _frontend(
    effect: Effect, options: FrontendOptions, runtime: Runtime, command: str, wanted: str
) -> Outcome:
    name, ends = options.frontend, command == "disable"
    async with turn(effect, options, runtime, f"frontend {name}", ends=ends) as order:
        status = order.farm.frontend(name)["status"]
        order.mark()
        if status != wanted:
            await order.do(f"{command} frontend {name}")
        row = (await look(runtime)).frontend(name)
    facts: dict[str, Scalar] = {"status": one_line(row["status"], 60), "sessions": int(row["scur"])}
    if row["status"] != wanted:
        return failed(one_line(f"{name} is {row['status']}, not {wanted}"), facts)
    left = f", {_sessions(int(row['scur']))} under way" if ends else ""
    return done(f"frontend {name} is {wanted}{left}", facts)


# --- what is seen ----------------------------------------------------------------------------


def _undrained(server: Server) -> str:
    """Why the server may still get something new, or empty. Maintenance is more than drained."""
    return "" if server.drained or server.in_maintenance else f"{server.path} is not drained"


def _not_ready(server: Server) -> str:
    if server.in_maintenance:
        return f"{server.path} is in maintenance"
    return f"{server.path} is drained" if server.drained else ""


def _still(server: Server) -> str:
    return f"{_sessions(server.busy)} left on {server.path}" if server.busy else ""


def _seen_maint(farm: Farm, options: MaintOptions) -> str:
    server = farm.server(options.server)
    if not server.in_maintenance:
        return f"{server.path} is not in maintenance"
    return _still(server) if options.kill else ""


def _seen_drained(farm: Farm, options: LessOptions) -> str:
    server = farm.server(options.server)
    return _undrained(server) or _still(server)


def _seen_ready(farm: Farm, options: ServerOptions) -> str:
    return _not_ready(farm.server(options.server))


def _seen_frontend(wanted: str) -> Seen:
    def seen(farm: Farm, options: FrontendOptions) -> str:
        status = farm.frontend(options.frontend)["status"]
        return "" if status == wanted else one_line(f"{options.frontend} is {status}", 120)

    return seen


_ACTS: dict[str, Act] = {
    "drain": _drain,
    "undrain": _undrain,
    "maint": _maint,
    "ready": _ready,
    "weight": weigh,
    "unweight": unweight,
    "close": _close,
    "open": _open,
}
_SEEN: dict[str, Seen] = {
    "drain": _seen_drained,
    "undrain": _seen_ready,
    "maint": _seen_maint,
    "ready": _seen_ready,
    "weight": weighs,
    "unweight": weighs_as_before,
    "close": _seen_frontend("PAUSED"),
    "open": _seen_frontend("OPEN"),
}
