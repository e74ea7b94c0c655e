"""Telling further people of what does not go on by itself: the next of the chain."""

from __future__ import annotations

from allstop.domain.clocks import reachable
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Policy


def next_of_chain(policy: Policy, incident: Incident, besides: tuple[str, ...]) -> tuple[str, ...]:
    """The first people of the chain of whom somebody is not among `besides`; nobody when all are."""
    for people in reachable(policy, incident):
        further = tuple(name for name in people if name not in besides)
        if further:
            return further
    return ()


def escalate(
    draft: Draft, incident: str, subject: str, text: str, first: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """Tell `first`, and whoever comes next in the chain. Returns everybody who was told."""
    found = draft.incident(incident, must_be_open=False)
    further = next_of_chain(draft.policy(found), found, first)
    people = tuple(dict.fromkeys((*first, *further)))
    for person in people:
        tell_person(draft, incident, person, f"{incident}: {subject}", text)
    return people
