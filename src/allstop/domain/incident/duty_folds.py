"""How events change who is on duty: whoever holds a role of an open incident is."""

from __future__ import annotations

from datetime import datetime

from allstop.domain.copying import replace
from allstop.domain.incident.parts import Duty, Stint
from allstop.domain.incident.state import Incident


def kept_up(before: Incident, now: Incident, at: datetime) -> Incident:
    """The state with its hours, after an event that may have changed who holds what, or ended the response."""
    if before.roles == now.roles and before.is_open == now.is_open:
        return now
    there = frozenset(now.roles.values()) if now.is_open else frozenset()
    found = dict(now.duty)
    for person, duty in now.duty.items():
        if duty.is_on and person not in there:
            ended = replace(duty.stints[-1], ended=at)
            found[person] = replace(duty, stints=(*duty.stints[:-1], ended))
    for person in sorted(there):
        known = found.get(person, Duty())
        if not known.is_on:
            found[person] = replace(known, stints=(*known.stints, Stint(at)))
    return replace(now, duty=found)
