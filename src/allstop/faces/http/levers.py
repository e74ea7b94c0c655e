"""The operations on levers and circuits."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from allstop.application.lever_shapes import CircuitLine, LeverLine
from allstop.application.lever_views import circuit_lines, lever_lines
from allstop.domain.plan.lever_commands import ExtendLever, ForceCircuit
from allstop.faces.http import models as m
from allstop.faces.http.operation import Call, Operation, command, long_view
from allstop.faces.http.shapes import Done

LEVERS = "/api/v1/levers"
CIRCUITS = "/api/v1/circuits"


class Extension(m.Body):
    """How long a lever stays from now, in milliseconds, and why."""

    for_ms: Annotated[int, Field(ge=0, le=31_536_000_000)]
    because: m.Text


class Forced(m.Body):
    """What a circuit is from now on: open, closed (it counts anew) or off (it never opens); and why."""

    state: Literal["open", "closed", "off"]
    because: m.Text


def _levers(call: Call) -> tuple[LeverLine, ...]:
    one = call.coordinator
    return lever_lines(
        one.post.world, one.post.book.latest.fleet, call.views.reader, one.clock.now().utc
    )


def _circuits(call: Call) -> tuple[CircuitLine, ...]:
    post = call.coordinator.post
    return circuit_lines(post.world, post.book.latest.fleet)


LEVER_OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "levers", "GET", LEVERS, "Ways to do with less: those that are pulled, and until when, first.",
        long_view(_levers), tuple[LeverLine, ...], tag="services",
    ),
    Operation(
        "lever-extend", "POST", f"{LEVERS}/{{id}}/extend", "Let a lever that is pulled stay for longer.",
        command(lambda call: ExtendLever(call.path["id"], call.body.for_ms, call.body.because)), Done,
        Extension, subject="lever", tag="services", keyed=True, problems=(403, 409),
    ),
    Operation(
        "circuits", "GET", CIRCUITS, "Circuits of calls and breakers of the fleet; what is open first.",
        long_view(_circuits), tuple[CircuitLine, ...], tag="services",
    ),
    Operation(
        "circuit-force", "POST", f"{CIRCUITS}/{{id}}/force", "Open a circuit, close it, or switch it off.",
        command(lambda call: ForceCircuit(call.path["id"], call.body.state, call.body.because)), Done,
        Forced, subject="circuit", tag="services", keyed=True, problems=(403, 409),
    ),
)  # fmt: skip
