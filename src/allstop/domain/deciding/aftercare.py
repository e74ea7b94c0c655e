"""Aftercare: looks that are taken after standing down, what a bad one brings, and how a watch ends."""

from __future__ import annotations

from allstop.domain import aftercare as a
from allstop.domain.copying import replace
from allstop.domain.deciding import kinship
from allstop.domain.deciding.owing import who_owes
from allstop.domain.deciding.telling import tell_person
from allstop.domain.draft import Draft, Rules
from allstop.domain.incident import aftercare_commands as c
from allstop.domain.incident import aftercare_events as e
from allstop.domain.incident.parts import Watched
from allstop.domain.incident.state import Incident
from allstop.domain.policy import Watch


def record_aftercare(draft: Draft, command: c.RecordAftercare) -> None:
    """A round of the monitor: a look for every watch whose time it is, and for nothing else."""
    incident = draft.incident(command.incident, must_be_open=False)
    policy, world, now = draft.policy(incident), draft.world, draft.now.utc
    due = a.looks_due(policy, incident, now)
    if not due:
        return
    samples = {one.probe: one for one in command.samples}
    seen = a.Seen(samples, command.failed_share_percent, command.interval_ms)
    looks = tuple(a.look(world, policy, incident, one, now, seen) for one in due)
    judged = {name for one in due for name in a.probes_of(world, policy, incident, one)}
    asked = any(one.failed_share_percent is not None for one in due)
    event = e.AftercareLooked(
        looks,
        tuple(one for one in command.samples if one.probe in judged),
        command.failed_share_percent if asked else None,
    )
    draft.on_incident(incident.id, event)
    for watch in due:
        _judge(draft, incident.id, watch)


def _judge(draft: Draft, id: str, watch: Watch) -> None:
    """Bad often enough in a row: said once, and the incident is open again where the protocol says so."""
    incident = draft.incident(id, must_be_open=False)
    known = incident.aftercare.get(watch.id)
    if known is None or known.failed or known.run < watch.fall:
        return
    draft.on_incident(id, e.AftercareFailed(watch.id, watch.title, known.text))
    reason = f"{watch.title}: {known.text}"
    if watch.when_bad == "reopen" and draft.world.open_for(incident.dedup) is None:
        kinship.reopen_recurrence(draft, incident, reason)
    else:
        _tell(draft, incident, f"{id}: it is not well", reason)


def end_aftercare(draft: Draft, command: c.EndAftercare) -> None:
    """The time of a watch is over: its verdict, and whoever has to look where nobody could."""
    incident = draft.incident(command.incident, must_be_open=False)
    policy = draft.policy(incident)
    for watch in a.going_on(policy, incident):
        if watch.id == command.watch and a.is_over(watch, incident, draft.now.utc):
            _end(draft, incident, watch)


def _end(draft: Draft, incident: Incident, watch: Watch) -> None:
    known = incident.aftercare.get(watch.id, Watched())
    missed = a.missed_at_end(watch, incident, draft.book.latest.fleet.monitor.interval_ms)
    over = replace(known, missed=known.missed + missed)
    verdict, text = a.verdict_of(over), a.looks_words(over)
    draft.on_incident(incident.id, e.AftercareEnded(watch.id, watch.title, verdict, missed, text))
    if verdict != "clean":
        said = f"{watch.title}: {verdict} ({text}). Look for yourself: allstop show {incident.id}"
        _tell(draft, incident, f"{incident.id}: the watch has ended {verdict}", said)


def _tell(draft: Draft, incident: Incident, subject: str, text: str) -> None:
    """The commander, or the owner where nobody commands."""
    for person in who_owes(draft.policy(incident), incident, "commander"):
        tell_person(draft, incident.id, person, subject, text)


RULES: Rules = {c.RecordAftercare: record_aftercare, c.EndAftercare: end_aftercare}
INTERNAL: frozenset[type] = frozenset(RULES)
