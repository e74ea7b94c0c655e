"""What is owed after an incident and is chased; and what is watched on, and ends."""

from __future__ import annotations

from allstop.domain.aftercare import PATIENCE_MS, ends_at, going_on, is_over
from allstop.domain.falling_due.found import Due
from allstop.domain.falling_due.promises import deadlines_due
from allstop.domain.incident.aftercare_commands import EndAftercare
from allstop.domain.incident.state import Incident
from allstop.domain.moment import Now, after
from allstop.domain.policy import Policy
from allstop.domain.world import World


def aftermath_due(found: Due, world: World, policy: Policy, incident: Incident, now: Now) -> None:
    deadlines_due(found, world, policy, incident, now)


def aftercare_due(found: Due, policy: Policy, incident: Incident, now: Now) -> None:
    """Watches whose time is over. Their looks are the monitor's: it asks at each of its rounds."""
    for watch in going_on(policy, incident):
        end = ends_at(watch, incident)
        command = EndAftercare(incident.id, watch.id)
        if is_over(watch, incident, now.utc):
            found.commands.append(command)
        else:
            found.at(end if now.utc < end else after(end, PATIENCE_MS), now, command)
