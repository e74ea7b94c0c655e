"""The weight of a server: a share of what the configuration says, and the way back.

HAProxy counts in whole numbers and cuts off the rest: 50 % of a weight of 1 is 0, which drains. What
would become 0 without being meant to is refused.
"""

from __future__ import annotations

from collections.abc import Mapping

from allstop.adapters.haproxy.farm import Farm, Server, look
from allstop.adapters.haproxy.orders import UNFILLED, UnweightOptions, WeightOptions, turn
from allstop.adapters.haproxy.runtime import Refused, Runtime, marks_beside
from allstop.adapters.mechanisms.order_file import Unreadable
from allstop.adapters.mechanisms.order_marks import read_marks
from allstop.adapters.mechanisms.text import one_line
from allstop.domain.effects import Effect, Outcome, done
from allstop.domain.policy.tables import Scalar

# Notes beside the number of the order.
BEFORE, GIVEN = "weight_before", "weight_given"


async def weigh(effect: Effect, options: WeightOptions, runtime: Runtime) -> Outcome:
    """Give a server its share. The first of several remembers what it had before all of them."""
    async with turn(effect, options, runtime, options.server, ends=False) as order:
        server = order.farm.server(options.server)
        wanted = share(server, options.percent)
        if wanted == 0 and not options.last:
            order.farm.keep_somebody(options.server, alone=True)
        notes = order.marks.of(options.server).notes
        before = notes.get(BEFORE) if notes.get(GIVEN) == server.weight else server.weight
        before = before if isinstance(before, int) else server.weight
        order.mark({BEFORE: before, GIVEN: wanted})
        if server.weight != wanted:
            await order.do(f"set server {server.path} weight {options.percent}%")
        server = (await look(runtime)).server(options.server)
        return _read_back(server, wanted, before)


async def unweight(effect: Effect, options: UnweightOptions, runtime: Runtime) -> Outcome:
    """Give a server back what it had, if it still has what we gave it."""
    async with turn(effect, options, runtime, options.server, ends=False) as order:
        server = order.farm.server(options.server)
        before = _to_give_back(order.marks.of(options.server).notes, server)
        order.mark({BEFORE: before, GIVEN: before})
        if server.weight != before:
            await order.do(f"set server {server.path} weight {before}")
        server = (await look(runtime)).server(options.server)
        return _read_back(server, before, before)


def share(server: Server, percent: int | str | None) -> int:
    """The weight that a share comes to, counted as HAProxy does. Raises Refused."""
    if not isinstance(percent, int):
        raise Refused(f"no share: nobody has filled in {UNFILLED}")
    wanted = server.initial * percent // 100
    if percent and not wanted:
        least = -(-100 // percent)
        raise Refused(
            f"{percent} % of the configured weight {server.initial} of {server.path} is nothing:"
            f" give it a weight of {least} or more"
        )
    return wanted


def _to_give_back(notes: Mapping[str, Scalar], server: Server) -> int:
    before, given = notes.get(BEFORE), notes.get(GIVEN)
    if not isinstance(before, int) or not isinstance(given, int):
        raise Refused(f"nothing is remembered of an earlier weight of {server.path}")
    if server.weight not in (before, given):
        raise Refused(
            f"the weight of {server.path} is {server.weight}: somebody has changed it since it was given {given}"
        )
    return before


def _read_back(server: Server, wanted: int, before: int) -> Outcome:
    if server.weight != wanted:
        raise Refused(f"the weight of {server.path} is {server.weight}, not {wanted}")
    facts = {
        **server.facts(),
        "initial_weight": server.initial,
        "previous_weight": before,
        "percent": 100 * server.weight // server.initial if server.initial else 0,
    }
    return done(f"{server.path} weighs {server.weight} of {server.initial}, before {before}", facts)


def weighs(farm: Farm, options: WeightOptions) -> str:
    """Why the server has not got the share, or empty. Raises Refused."""
    server = farm.server(options.server)
    wanted = share(server, options.percent)
    return "" if server.weight == wanted else f"it weighs {server.weight}, not {wanted}"


def weighs_as_before(farm: Farm, options: UnweightOptions) -> str:
    """Why the server has not got its weight back, or empty. Raises Refused."""
    server = farm.server(options.server)
    try:
        marks = read_marks(marks_beside(options, options.state_file))
    except Unreadable as error:
        return one_line(str(error))
    mark = marks.get(options.server)
    before = _to_give_back(mark.notes if mark else {}, server)
    return "" if server.weight == before else f"it weighs {server.weight}, not {before}"
