"""How the course of an incident changes its state: triage, clocks, kinship, mode, the end."""

from __future__ import annotations

from allstop.domain.copying import replace
from allstop.domain.incident import course_events as e
from allstop.domain.incident.parts import Clock, Duty, Mode, PreflightResult, Response
from allstop.domain.incident.response_folds import Folds
from allstop.domain.incident.state import Incident
from allstop.domain.record import Record


def _mode_begun(incident: Incident, event: e.ModeBegun, record: Record) -> Incident:
    since = incident.mode.since if incident.mode and not incident.mode.ended else record.at
    return replace(incident, mode=Mode(event.suspended, event.enabled, since, event.until))


def _mode_ended(incident: Incident, event: e.ModeEnded, _: Record) -> Incident:
    mode = incident.mode
    return incident if mode is None else replace(incident, mode=replace(mode, ended=event.because))


def _relief_asked(incident: Incident, event: e.ReliefAsked, record: Record) -> Incident:
    known = incident.duty.get(event.person, Duty())
    duty = {**incident.duty, event.person: replace(known, asked_at=record.at)}
    return replace(incident, duty=duty)


def _deadline_set(incident: Incident, event: e.DeadlineSet, _: Record) -> Incident:
    clock = Clock(event.deadline, event.what, event.at, event.basis, event.warn_at)
    return replace(incident, clocks={**incident.clocks, event.deadline: clock})


def _reopened(incident: Incident, event: e.IncidentReopened, record: Record) -> Incident:
    """The response begins again: nothing that let it end before counts any more.

    Whatever a gate could be opened with has to be earned again, also the cause: it came back, so what was
    said of it then is no proof now. What was found, the people and their tasks stay. Promises of the
    aftermath that were not kept yet are owed again later, and those that began with the declaration go
    on, with their clocks. Plans and halts of before are left out by `World.plans_of` and `halts_of`, and
    preflights are numbered on, so that a late outcome cannot be taken for one of now.
    """
    kept = {k: v for k, v in incident.obligations.items() if v.met or v.begins != "stood-down"}
    lasting = {f"obligation:{id}" for id in kept} | {f"action:{id}" for id in incident.actions}

    def lasts(deadline: str) -> bool:
        return ":".join(deadline.partition("@")[0].split(":")[:2]) in lasting

    ended = Response(
        incident.begun, incident.acknowledged_at, incident.milestones, len(incident.phases)
    )
    return replace(
        incident,
        phase="",
        reopened=(*incident.reopened, record.at),
        responses=(*incident.responses, ended),
        milestones={},
        statements={},
        facts={},
        forms={},
        gates={},
        approvals={},
        overrides={},
        remedy=None,
        remedy_planned=False,
        triaged_at=None,
        acknowledged_at=None,
        acknowledged_by="",
        stood_down_at=None,
        stood_down_by="",
        closed_at=None,
        report="",
        severity_at=record.at,
        last_update_at=record.at,
        # One that was asked for and never came is asked for again.
        update_requested=incident.updates,
        status="",
        update_fields={},
        expected_at=None,
        clocks={id: clock for id, clock in incident.clocks.items() if lasts(id)},
        missed=frozenset(id for id in incident.missed if lasts(id)),
        warned=frozenset(id for id in incident.warned if lasts(id)),
        obligations=kept,
        preflights=(),
        timers=frozenset(),
        aftercare={},
        services=tuple(dict.fromkeys((*incident.services, *event.services))),
    )


def _preflight_done(incident: Incident, event: e.PreflightDone, record: Record) -> Incident:
    kept = tuple(one for one in incident.preflights if one.number != event.number)
    return replace(
        incident, preflights=(*kept, PreflightResult(event.number, record.at, event.results))
    )


def _scheduled(incident: Incident, event: e.MeetingScheduled, _: Record) -> Incident:
    owed = incident.obligations.get(event.obligation)
    if owed is None:
        return incident
    moved = replace(owed, meeting_at=event.at)
    return replace(incident, obligations={**incident.obligations, owed.id: moved})


COURSE_FOLDS: Folds = {
    e.IncidentTriaged: lambda i, event, record: replace(
        i, triaged_at=record.at, kind=event.kind or i.kind
    ),
    e.IncidentDismissed: lambda i, _, record: replace(
        i, stood_down_at=record.at, stood_down_by=record.actor
    ),
    e.RespondersCalled: lambda i, event, _: replace(
        i, called=tuple(dict.fromkeys((*i.called, *event.people)))
    ),
    e.ChannelOpened: lambda i, event, _: replace(i, channel=event.name),
    e.ModeBegun: _mode_begun,
    e.ModeEnded: _mode_ended,
    e.ReliefAsked: _relief_asked,
    e.DeadlineSet: _deadline_set,
    e.DeadlineWarned: lambda i, event, _: replace(i, warned=i.warned | {event.deadline}),
    e.TimerElapsed: lambda i, event, _: replace(i, timers=i.timers | {event.criterion}),
    e.NoticeIssued: lambda i, event, _: replace(i, noticed=i.noticed | {event.audience}),
    e.EntryCorrected: lambda i, event, _: replace(
        i, corrections={**i.corrections, event.version: event.text}
    ),
    e.IncidentLinked: lambda i, event, _: replace(
        i, links=(*(one for one in i.links if one[0] != event.to), (event.to, event.how))
    ),
    e.IncidentMerged: lambda i, event, record: replace(
        i,
        merged_into=event.into,
        stood_down_at=record.at,
        stood_down_by=record.actor,
    ),
    e.PrivacyChanged: lambda i, event, _: replace(i, private=event.private),
    e.IncidentReopened: _reopened,
    e.IncidentClosed: lambda i, _, record: replace(i, closed_at=record.at),
    e.OverrideRecorded: lambda i, event, _: replace(
        i, overrides={**i.overrides, event.subject: event.reason}
    ),
    e.RuleViolated: lambda i, event, _: replace(i, violations=(*i.violations, event.rule)),
    e.PreflightBegun: lambda i, event, record: replace(
        i,
        preflights=(*i.preflights, PreflightResult(event.number, record.at)),
        preflight_number=event.number,
    ),
    e.PreflightDone: _preflight_done,
    e.MeetingScheduled: _scheduled,
}
