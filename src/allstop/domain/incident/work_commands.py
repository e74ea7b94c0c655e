"""What can be asked about the work in an incident."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from allstop.domain.policy.tables import Scalar


@dataclass(frozen=True, slots=True)
class FileForm:
    incident: str
    form: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AddTask:
    incident: str
    title: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class AssignTask:
    incident: str
    task: str
    owner: str


@dataclass(frozen=True, slots=True)
class EndTask:
    """state: done | dropped; a dropped one needs a note."""

    incident: str
    task: str
    state: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class AddEvidence:
    """kind: observation | change | log | metric | scope | hypothesis."""

    incident: str
    kind: str
    text: str
    service: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """facts: names of `REMEDY_FACTS` that a person may state."""

    incident: str
    facts: Mapping[str, Scalar]
    because: str


@dataclass(frozen=True, slots=True)
class ProposeCrews:
    """Internal: the roll call says who is available."""

    incident: str


@dataclass(frozen=True, slots=True)
class AssignCrew:
    """members: `person:ada`, `agent:builder-1`; empty takes what was proposed; objective: empty keeps it."""

    incident: str
    crew: str
    members: tuple[str, ...] = ()
    objective: str = ""


@dataclass(frozen=True, slots=True)
class ProposeChange:
    """risk: level of the protocol; 0 takes the protocol's for `action`."""

    incident: str
    title: str
    risk: int = 0
    action: str = ""
    service: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class EndChange:
    """state: made | refused | withdrawn."""

    incident: str
    change: str
    state: str
    note: str


@dataclass(frozen=True, slots=True)
class AddAction:
    incident: str
    title: str
    owner: str
    due_at: datetime
    priority: str = "medium"
    link: str = ""


@dataclass(frozen=True, slots=True)
class ChangeAction:
    """Empty texts and None keep what is."""

    incident: str
    action: str
    state: str = ""
    owner: str = ""
    due_at: datetime | None = None
    priority: str = ""
    link: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class MeetObligation:
    incident: str
    obligation: str
    how: str


@dataclass(frozen=True, slots=True)
class RemindObligation:
    """Internal."""

    incident: str
    obligation: str


@dataclass(frozen=True, slots=True)
class AwardPoints:
    """By hand. incident: empty outside one."""

    team: str
    points: int
    because: str
    incident: str = ""
