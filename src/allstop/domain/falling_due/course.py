"""What the course of an incident brings: crews to propose, a mode that expires, relief to ask for."""

from __future__ import annotations

from allstop.domain.crews import crews_due
from allstop.domain.duty import relief_at
from allstop.domain.falling_due.found import Due
from allstop.domain.incident.course_commands import AskRelief, EndMode
from allstop.domain.incident.state import Incident
from allstop.domain.incident.work_commands import ProposeCrews
from allstop.domain.mode import mode_is_on
from allstop.domain.moment import Now
from allstop.domain.policy import Policy
from allstop.domain.world import World


def relief_due(found: Due, policy: Policy, incident: Incident, now: Now) -> None:
    """Relief for those who have been on duty for as long as the protocol lets them."""
    for person in incident.duty if policy.protocol.relief.after_ms else ():
        at = relief_at(policy, incident, person)
        if at is not None:
            found.at(at, now, AskRelief(incident.id, person))


def course_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    if crews_due(world, policy, incident):
        found.commands.append(ProposeCrews(incident.id))
    mode = incident.mode
    if mode is not None and mode.until is not None and mode_is_on(incident):
        found.at(mode.until, now, EndMode(incident.id, "its time is over"))
    relief_due(found, policy, incident, now)
