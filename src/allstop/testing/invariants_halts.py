"""What must hold of halts that take more than one person's word to end, and of the hosts that follow orders."""

from __future__ import annotations

from collections.abc import Iterator

from allstop.domain.halt import events as h
from allstop.domain.halt import host_events as he
from allstop.domain.halt.scope import CLASSES
from allstop.domain.incident.course_events import OverrideRecorded
from allstop.testing.traces import Trace

Found = Iterator[tuple[str, object]]


def released_by_enough(trace: Trace) -> Found:
    """S2: a halt ends by as many different people and release keys as it takes, or by an override that says so."""
    overridden: set[str] = set()
    for moment in trace.moments_of(OverrideRecorded, h.HaltReleased):
        event = moment.record.event
        if isinstance(event, OverrideRecorded):
            overridden.add(event.subject)
            continue
        halt = moment.before.halts[moment.id]
        people = {*halt.asked_by, moment.record.actor}
        if f"halt:{halt.id}" in overridden:
            continue
        if len(people) < halt.persons or len(set(halt.signed)) < halt.keys:
            have = (
                f"{len(people)} of {halt.persons} people and {len(halt.signed)} of {halt.keys} keys"
            )
            yield f"lifted by {have}", moment


def hosts_come_further(trace: Trace) -> Found:
    """S2: a host that was enrolled never falls back behind a number it has reached."""
    for moment in trace.moments_of(he.HostReached):
        event = moment.record.event
        for name in event.hosts if isinstance(event, he.HostReached) else ():
            before = moment.before.hosts.get(name)
            if before is None:
                yield f"{name} was never enrolled", moment
            elif event.seq < before.seq:
                yield f"{name} falls back from {before.seq} to {event.seq}", moment


def staged_by_people(trace: Trace) -> Found:
    """S2: every stage of a release is a person's word, and lets nobody go whom another halt holds."""
    for moment in trace.moments_of(h.ReleaseStaged):
        event = moment.record.event
        if not isinstance(event, h.ReleaseStaged):
            continue
        if not moment.record.actor.startswith("person:"):
            yield f"{event.stage} is entered by {moment.record.actor}", moment
        if not moment.before.halts[moment.id].stands:
            yield f"{event.stage} of a halt that has ended", moment
        let_go = event.agents if set(event.classes) >= set(CLASSES) else ()
        for agent in let_go:
            if moment.after.holders(agent):
                yield f"{agent} is let go while another halt holds it", moment


HALTS = (released_by_enough, hosts_come_further, staged_by_people)
