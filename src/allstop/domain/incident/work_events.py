"""What can be recorded about the work in an incident: forms, tasks, evidence, crews, changes, points."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allstop.domain.policy.tables import Scalar
from allstop.domain.registry import event


@event("form.filed")
@dataclass(frozen=True, slots=True)
class FormFiled:
    """number: 1 for the first filing; a later one replaces it and both stay on the record."""

    form: str
    number: int
    fields: dict[str, str]


@event("task.added")
@dataclass(frozen=True, slots=True)
class TaskAdded:
    """phase: it belongs to, or empty; owner: a responder, or empty."""

    id: str
    title: str
    phase: str = ""
    owner: str = ""


@event("task.assigned")
@dataclass(frozen=True, slots=True)
class TaskAssigned:
    id: str
    owner: str


@event("task.ended")
@dataclass(frozen=True, slots=True)
class TaskEnded:
    """state: done | dropped."""

    id: str
    state: str
    note: str = ""


@event("evidence.added")
@dataclass(frozen=True, slots=True)
class EvidenceAdded:
    """By hand. kind: observation | change | log | metric | scope | hypothesis; link: where it is kept."""

    id: str
    kind: str
    text: str
    service: str = ""
    link: str = ""


@event("facts.recorded")
@dataclass(frozen=True, slots=True)
class FactsRecorded:
    """Facts for the decision table, stated by a person, with the reason they are believed."""

    facts: dict[str, Scalar]
    because: str


@event("crew.proposed")
@dataclass(frozen=True, slots=True)
class CrewProposed:
    crew: str
    members: tuple[str, ...]
    objective: str
    because: str


@event("crew.assigned")
@dataclass(frozen=True, slots=True)
class CrewAssigned:
    """members: `person:ada`, `agent:builder-1`."""

    crew: str
    members: tuple[str, ...]
    objective: str


@event("change.proposed")
@dataclass(frozen=True, slots=True)
class ChangeProposed:
    """A change somebody wants to make by hand. by, people, reviewers: who must agree; review_by: until
    when the reviewers have time."""

    id: str
    title: str
    risk: int
    service: str
    detail: str
    by: tuple[str, ...]
    people: int
    reviewers: tuple[str, ...]
    because: str
    review_by: datetime | None = None


@event("change.signed")
@dataclass(frozen=True, slots=True)
class ChangeSigned:
    """role: signed as; review: as a reviewer."""

    id: str
    role: str
    review: bool = False


@event("change.approved")
@dataclass(frozen=True, slots=True)
class ChangeApproved:
    id: str


@event("change.ended")
@dataclass(frozen=True, slots=True)
class ChangeEnded:
    """state: made | refused | withdrawn."""

    id: str
    state: str
    note: str


@event("action.added")
@dataclass(frozen=True, slots=True)
class ActionAdded:
    """An action item. priority: high | medium | low; link: where it is tracked."""

    id: str
    title: str
    owner: str
    due_at: datetime
    priority: str
    link: str = ""


@event("action.changed")
@dataclass(frozen=True, slots=True)
class ActionChanged:
    """state: open | done | dropped; everything as it is from now on."""

    id: str
    state: str
    owner: str
    due_at: datetime
    priority: str
    link: str = ""
    note: str = ""


@event("obligation.met")
@dataclass(frozen=True, slots=True)
class ObligationMet:
    id: str
    how: str


@event("obligation.reminded")
@dataclass(frozen=True, slots=True)
class ObligationReminded:
    id: str
    to: tuple[str, ...]


@event("points.awarded")
@dataclass(frozen=True, slots=True)
class PointsAwarded:
    """rule: the protocol's, or empty for points given by hand; incident: empty outside one."""

    team: str
    points: int
    because: str
    rule: str = ""
    incident: str = ""
