"""`due`: world, policy, now -> the commands that are due, and when to look again.

Everything the coordinator does by itself starts here, derived from state alone: whatever a crash
interrupted is due again after the restart. The subjects are in `falling_due`.
"""

from __future__ import annotations

from collections.abc import Callable

from allstop.domain.aftercare import watched_on
from allstop.domain.falling_due.aftermath import aftercare_due, aftermath_due
from allstop.domain.falling_due.breakers import breakers_due
from allstop.domain.falling_due.course import course_due
from allstop.domain.falling_due.found import Due
from allstop.domain.falling_due.halts_and_plans import halt_due, plans_due
from allstop.domain.falling_due.levers import levers_due
from allstop.domain.falling_due.notices import notices_due
from allstop.domain.falling_due.preflights import preflights_due
from allstop.domain.falling_due.promises import promises_due
from allstop.domain.falling_due.response import response_due
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now
from allstop.domain.policy import Policy, PolicyBook
from allstop.domain.world import World

__all__ = ["Due", "due"]


# What an open incident brings, the most urgent first.
PARTS: tuple[Callable[[Due, World, Policy, Incident, Now], None], ...] = (
    plans_due, response_due, preflights_due, promises_due, course_due, notices_due,
    breakers_due,
)  # fmt: skip


def due(world: World, book: PolicyBook, now: Now) -> Due:
    """Everything that is due. Halts come first."""
    found = Due()
    for halt in world.standing_halts():
        halt_due(found, halt, book, now)
    for incident in world.open_incidents():
        policy = book.pinned(incident.policy)
        for part in PARTS:
            part(found, world, policy, incident, now)
    for incident in world.owing_incidents():
        aftermath_due(found, world, book.pinned(incident.policy), incident, now)
    levers_due(found, world, book, now)
    for incident in watched_on(world, book):
        aftercare_due(found, book.pinned(incident.policy), incident, now)
    return found
