"""What every order to HAProxy has in common: options, the number that fences it, the answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from allstop.adapters.haproxy.farm import Farm, look
from allstop.adapters.haproxy.runtime import (
    NAME,
    SERVER,
    Refused,
    Runtime,
    RuntimeOptions,
    marks_beside,
)
from allstop.adapters.mechanisms.order_marks import Marks, marking
from allstop.adapters.mechanisms.text import one_line
from allstop.domain.effects import Effect

UNFILLED: Literal["{percent}"] = "{percent}"
"""What stands for the share in a document; a ramp puts the number in its place."""


class OrderOptions(RuntimeOptions):
    """Which HAProxy, and where the numbers of the orders to it are kept."""

    state_file: str = Field(
        default="",
        title="State file",
        description="File with the number of the newest order about each server and frontend; empty: `<socket>.allstop`. Needed for a TCP socket.",
    )


class ServerOptions(OrderOptions):
    """Which server."""

    server: str = Field(
        pattern=SERVER, title="Server", description="BACKEND/SERVER, exactly as configured."
    )


class LessOptions(ServerOptions):
    """Which server is to take less, or nothing."""

    last: bool = Field(
        default=False,
        title="The last one too",
        description="true: also when nobody else in the backend would be left to take traffic.",
    )


class MaintOptions(LessOptions):
    """Which server is to take nothing."""

    kill: bool = Field(
        default=False,
        title="Kill sessions",
        description="true: sessions that are still under way on it are cut off.",
    )


class WeightOptions(LessOptions):
    """How much a server is to take."""

    percent: Annotated[int, Field(ge=0, le=100)] | Literal["{percent}"] = Field(
        title="Share",
        description="Per cent of its weight by the configuration, 0 to 100; or {percent}, which a ramp fills in.",
    )


class UnweightOptions(ServerOptions):
    """Whose weight is to be as before."""

    percent: int | Literal["{percent}"] | None = Field(
        default=None,
        title="Share",
        description="Not used: it lets the options of `weight` be given as they are.",
    )
    last: bool = Field(
        default=False, title="The last one too", description="Not used, as `percent`."
    )


class FrontendOptions(OrderOptions):
    """Which frontend."""

    frontend: str = Field(
        pattern=NAME, title="Frontend", description="Its name, exactly as configured."
    )


@dataclass(frozen=True)
class Turn:
    """One order that has its turn: nobody else orders anything of the same state file meanwhile."""

    effect: Effect
    runtime: Runtime
    marks: Marks
    farm: Farm
    target: str

    def mark(self, notes: dict[str, int] | None = None) -> None:
        """Note the order's number, before anything is done. Raises OSError."""
        self.marks.put(self.target, self.effect, notes)

    async def do(self, command: str) -> None:
        """Give one command. HAProxy has no status codes: whatever it says means no. Raises Refused."""
        said = await self.runtime.order(command)
        if said:
            raise Refused(one_line(f"HAProxy says: {said}"))


@asynccontextmanager
async def turn(
    effect: Effect, options: OrderOptions, runtime: Runtime, target: str, *, ends: bool
) -> AsyncIterator[Turn]:
    """Take a turn. ends: the order takes traffic away.

    Raises NewerOrder, Unreadable, TimeoutError, OSError, Refused, Unreachable, Lost, Nonsense.
    """
    path = marks_beside(options, options.state_file)
    async with marking(path, runtime.deadline, ends=ends) as marks:
        marks.allow(target, effect.epoch)
        yield Turn(effect, runtime, marks, await look(runtime), target)
