"""Read shapes of the work in an incident: forms, tasks, findings, crews, changes, what is owed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CrewLine:
    """members: who was assigned, empty until then; proposed: who the coordinator suggests and why."""

    name: str
    title: str
    objective: str
    members: tuple[str, ...] = ()
    proposed: tuple[str, ...] = ()
    because: str = ""


@dataclass(frozen=True, slots=True)
class TaskLine:
    """state: open | done | dropped."""

    id: str
    title: str
    phase: str
    owner: str
    state: str
    note: str


@dataclass(frozen=True, slots=True)
class FindingLine:
    """kind: observation | change | log | metric | scope | hypothesis."""

    id: str
    kind: str
    text: str
    service: str
    link: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class FieldLine:
    """A field of a form. kind: text | list | choice | time; value: as it was filed, or empty;

    prefill: what the coordinator fills in when nobody does, or empty.
    """

    id: str
    title: str
    required: bool
    kind: str
    choices: tuple[str, ...]
    prefill: str
    value: str


@dataclass(frozen=True, slots=True)
class FormView:
    """A form and how far it is. number: of the latest filing, 0 before the first; missing: titles of
    required fields that nobody has filled; after: it belongs to the time after stand-down."""

    id: str
    title: str
    after: bool
    number: int
    by: str
    at: datetime | None
    fields: tuple[FieldLine, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FiledForm:
    """The latest filing of a form. fields: text by title."""

    id: str
    title: str
    number: int
    by: str
    at: datetime
    fields: dict[str, str]


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """person: `person:ada`; review: given as a reviewer."""

    person: str
    role: str
    review: bool


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """A change by hand. state: proposed | approved | made | refused | withdrawn; by, people,
    reviewers: who must agree, and because of which row; waits_for: who has not, in words; review_by:
    until when the reviewers have time."""

    id: str
    title: str
    risk: int
    service: str
    detail: str
    state: str
    requested_by: str
    at: datetime
    by: tuple[str, ...]
    people: int
    reviewers: tuple[str, ...]
    because: str
    signatures: tuple[SignatureLine, ...]
    waits_for: str
    review_by: datetime | None


@dataclass(frozen=True, slots=True)
class LinkLine:
    """how: related | caused-by | causes | duplicate-of | duplicated-by."""

    to: str
    how: str
    title: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    """ok: null when it could not be judged; mend: what to do about it; concerns: services it speaks about
    (`ledger`) or what is done to them (`ledger/stop`), empty for everything; took_ms: how long it took to look."""

    check: str
    subject: str
    ok: bool | None
    text: str
    mend: str = ""
    concerns: tuple[str, ...] = ()
    took_ms: int = 0


@dataclass(frozen=True, slots=True)
class PreflightLine:
    """state: running | passed | failed. number: 0 for one that belongs to no incident; done, total: how far the
    one under way is outside of incidents, both 0 when there is none."""

    number: int
    at: datetime
    state: str
    checks: tuple[CheckLine, ...]
    done: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class ObligationLine:
    """met: how it was met, or empty; met_by: the mark that meets it by itself, or empty."""

    id: str
    title: str
    owner: str
    due_at: datetime
    met: str
    met_at: datetime | None
    met_by: str
    meeting_at: datetime | None
    late: bool


@dataclass(frozen=True, slots=True)
class AftercareLine:
    """A watch after standing down. state: watching | clean | bad | inconclusive; text: its looks so far;
    seen: at the last look, or empty; good, bad, unknown, missed: looks; next_at: null after the last one,
    and where every round is a look; until: when it ends."""

    id: str
    title: str
    state: str
    text: str
    seen: str
    good: int
    bad: int
    unknown: int
    missed: int
    next_at: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True)
class ActionLine:
    """An action item. state: open | done | dropped; priority: high | medium | low."""

    id: str
    title: str
    owner: str
    due_at: datetime
    priority: str
    link: str
    state: str
    note: str
    late: bool


@dataclass(frozen=True, slots=True)
class PointsLine:
    """rule: the protocol's, or empty for points given by hand; incident: empty outside one."""

    team: str
    points: int
    because: str
    rule: str
    at: datetime
    by: str
    incident: str


@dataclass(frozen=True, slots=True)
class ModeLine:
    """Emergency mode. suspended, enabled: title by id; ended: why it ended, or empty."""

    incident: str
    on: bool
    suspended: dict[str, str]
    enabled: dict[str, str]
    since: datetime
    until: datetime | None
    ended: str


@dataclass(frozen=True, slots=True)
class MissingLine:
    """Something that must happen before an incident may be closed. hint: the command for it."""

    id: str
    text: str
    hint: str


@dataclass(frozen=True, slots=True)
class OwedView:
    """What an incident still owes. missing: what must happen before it may be closed."""

    incident: str
    state: str
    obligations: tuple[ObligationLine, ...]
    actions: tuple[ActionLine, ...]
    missing: tuple[MissingLine, ...]
