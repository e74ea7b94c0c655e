"""Sentences about the course of an incident, and beside it: proposals, triage, clocks, kinship, mode,
the end, and who knows the protocol."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from allstop.application.timeline_work import noted
from allstop.domain import proposals as a
from allstop.domain.confirmations import ProtocolConfirmed
from allstop.domain.incident import aftercare_events as f
from allstop.domain.incident import course_events as c
from allstop.domain.moment import words
from allstop.domain.readiness import PreflightTurned


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "nobody"


def _proposed(event: a.ActivationProposed) -> str:
    kind = f", {event.kind}" if event.kind else ""
    source = f" from {event.source}" if event.source else ""
    asked = f"; asked to confirm: {', '.join(event.asked)}" if event.asked else ""
    return f"{event.proposal} proposed{source} ({event.because}{kind}): {event.text}{asked}"


def _triaged(event: c.IncidentTriaged) -> str:
    return f"Triaged: it is real, {event.severity}" + (f". {event.text}" if event.text else "")


def _mode_begun(event: c.ModeBegun) -> str:
    parts = [
        f"{word}: {', '.join(titles.values())}"
        for word, titles in (("suspended", event.suspended), ("enabled", event.enabled))
        if titles
    ]
    until = f" until {_at(event.until)}" if event.until else ""
    why = f" ({event.because})" if event.because else ""
    return f"EMERGENCY MODE{until}: {'; '.join(parts) or 'nothing is changed by it'}{why}"


def _warned(event: c.DeadlineWarned) -> str:
    return f"WARNING, due {event.due_at:%H:%M:%S} UTC: {event.what}; told {_listed(event.to)}"


def _violated(event: c.RuleViolated) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in event.facts.items())
    seen = f" [{facts}]" if facts else ""
    return f"STOP RULE {event.title}: {event.because}; {event.plan} is held{seen}"


def _preflight(event: c.PreflightDone) -> str:
    good = sum(1 for one in event.results if one.ok)
    bad = [f"{one.check} {one.subject}: {one.text}" for one in event.results if not one.ok]
    text = f"Preflight {event.number}: {good} of {len(event.results)} checks passed"
    return f"{text}; {'; '.join(bad)}" if bad else text


def _turned(event: PreflightTurned) -> str:
    if event.passed:
        return f"Preflight is green: all {event.looked} checks passed"
    more = event.bad - len(event.failing)
    rest = f"; and {more} more" if more > 0 else ""
    return f"PREFLIGHT IS RED, {event.bad} of {event.looked}: {'; '.join(event.failing)}{rest}"


def _relief(event: c.ReliefAsked) -> str:
    fresh = event.fresh.items()
    told = ", ".join(f"{role} to {who}" if who else f"nobody for {role}" for role, who in fresh)
    return f"RELIEF asked for {event.person}, on duty for {words(event.on_duty_ms)}: {told}"


def _looked(event: f.AftercareLooked) -> str:
    told = {True: "good", False: "BAD", None: "not judged"}
    looks = [
        f"{one.watch} {told[one.good]}, {one.text}"
        + (f" (not taken before it: {one.missed})" if one.missed else "")
        for one in event.looks
    ]
    return f"Aftercare: {' | '.join(looks)}"


COURSE_SENTENCES: dict[type, Callable[[Any], str]] = {
    a.ActivationProposed: _proposed,
    a.ActivationConfirmed: lambda e: f"Confirmed: it became {e.incident}",
    a.ActivationDismissed: lambda e: f"Dismissed: {e.reason}",
    c.IncidentTriaged: _triaged,
    c.IncidentDismissed: lambda e: f"FALSE ALARM: {e.reason}",
    c.RespondersCalled: lambda e: f"Called at once: {_listed(e.people)} ({e.because})",
    c.ChannelOpened: lambda e: f"Channel opened: {e.name}",
    c.ModeBegun: _mode_begun,
    c.ModeEnded: lambda e: f"Emergency mode ended: {e.because}",
    c.ReliefAsked: _relief,
    c.DeadlineSet: lambda e: f"Deadline {e.deadline} set for {_at(e.at)}; if missed: {e.what}",
    c.DeadlineWarned: _warned,
    c.TimerElapsed: lambda e: f"The time that {e.criterion} waits for has passed",
    c.NoticeIssued: lambda e: f"First notice to {e.audience}",
    c.EntryCorrected: lambda e: (
        f"Correction of entry {e.version}: {e.text}, because {e.because} (the original stays)"
    ),
    c.IncidentLinked: lambda e: f"Linked to {e.to}: {e.how.replace('-', ' ')}",
    c.IncidentMerged: lambda e: f"MERGED into {e.into}: {e.reason}",
    c.PrivacyChanged: lambda e: f"Made {'private' if e.private else 'public'}: {e.reason}",
    c.IncidentReopened: lambda e: f"REOPENED, phase {e.phase} begins again: {e.reason}",
    c.IncidentClosed: lambda e: noted("Closed for good", e.note),
    c.OverrideRecorded: lambda e: f"OVERRIDDEN: {e.subject}, because {e.reason}",
    c.RuleViolated: _violated,
    c.PreflightBegun: lambda e: f"Preflight {e.number} begins",
    c.PreflightDone: _preflight,
    PreflightTurned: _turned,
    ProtocolConfirmed: lambda e: f"Confirmed: knows the protocol {e.protocol}",
    f.AftercareLooked: _looked,
    f.AftercareFailed: lambda e: f"IT IS BAD AGAIN, {e.title}: {e.seen}",
    f.AftercareEnded: lambda e: f"Aftercare ended {e.verdict}, {e.title}: {e.text}",
    c.MeetingScheduled: lambda e: f"Meeting for {e.title}: {_at(e.at)}",
}
