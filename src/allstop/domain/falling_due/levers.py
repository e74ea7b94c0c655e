"""Levers that are pulled: asked about, taken back, said to be overdue."""

from __future__ import annotations

from allstop.domain.expiry import PASSING, ask_at, blocked, home_of, overdue_at
from allstop.domain.falling_due.found import Due
from allstop.domain.fleet.standing import Pulled
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now
from allstop.domain.plan.lever_commands import AskAboutLever, ExpireLever, SayLeverOverdue
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.policy import Policy, PolicyBook
from allstop.domain.world import World


def levers_due(found: Due, world: World, book: PolicyBook, now: Now) -> None:
    """Of open incidents and of those that have ended: a lever outlives its incident, and is not forgotten."""
    for service in sorted(world.with_less):
        for lever, one in world.standing_of(service).pulled.items():
            incident = home_of(world, one)
            if incident is None or one.until is None:
                continue
            policy = book.pinned(incident.policy)
            if one.until <= now.utc:
                _over(found, world, policy, incident, (service, lever, one), now)
                continue
            at = ask_at(one)
            if at is not None:
                found.at(at, now, AskAboutLever(service, lever))
            found.at(one.until, now, ExpireLever(service, lever))


def _over(
    found: Due, world: World, policy: Policy, incident: Incident, which: tuple[str, str, Pulled], now: Now
) -> None:  # fmt: skip
    """Its time is over: it is taken back, or said again until somebody does."""
    service, lever, one = which
    if not one.expired:
        found.commands.append(ExpireLever(service, lever))
        return
    if one.blocked in PASSING and not blocked(world, policy, incident, service):
        found.commands.append(ExpireLever(service, lever))
        return
    taker = world.plans.get(one.taker)
    at = overdue_at(one, policy, incident)
    if at is not None and (taker is None or taker.state is not PlanState.RUNNING):
        found.at(at, now, SayLeverOverdue(service, lever))
