"""What each operation takes. Strict: no unknown fields, no guessing of types, bounded texts."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from allstop.domain.impact import Impact
from allstop.domain.money import Money

# Bounds against nonsense; what is too long for its purpose the rules themselves refuse.
Line = Annotated[str, StringConstraints(max_length=500)]
Text = Annotated[str, StringConstraints(max_length=4000)]
Name = Annotated[str, StringConstraints(max_length=100)]
# New names go into the log, into file names and onto command lines.
NewName = Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Names = Annotated[tuple[Name, ...], Field(max_length=200)]
Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
Percent = Annotated[int, Field(ge=0, le=100)]

_RFC3339 = re.compile(
    r"2[0-9]{3}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-5][0-9]:[0-6][0-9](\.[0-9]{1,9})?"
    r"([Zz]|[+-][01][0-9]:[0-5][0-9])",
    re.ASCII,
)


def _rfc3339(value: Any) -> Any:
    """Only RFC 3339, no numbers and no bare dates, in a millennium that arithmetic can hold."""
    if not isinstance(value, str):
        return value
    try:
        if _RFC3339.fullmatch(value):
            return datetime.fromisoformat(value.upper())
    except ValueError:
        pass  # a date that does not exist; the message of the parser would repeat the value
    raise PydanticCustomError(
        "not-a-time", "Input should be a time of RFC 3339, such as 2026-01-31T03:00:00Z"
    )


Instant = Annotated[AwareDatetime, BeforeValidator(_rfc3339)]


def utc(at: datetime) -> datetime:
    """An instant as the record keeps it."""
    return at.astimezone(UTC)


class Body(BaseModel):
    """What all bodies have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Nothing(Body):
    """An operation that takes no fields; the body may be left out."""


class NewConsoleLink(Body):
    """Without fields: for a browser on this machine. halting: for a phone, to the page that stops agents; it is good
    for 15 minutes, and fetching it does not use it up."""

    halting: bool = False


class MoneyBody(Body):
    """An amount as a decimal string, with its ISO 4217 currency."""

    amount: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,15}(\.[0-9]{1,2})?$")]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class ImpactBody(Body):
    """What is known about the impact. null means unknown, never zero."""

    core_functions_down: Names = ()
    functions_down: Names = ()
    failed_share_percent: Percent | None = None
    lost_per_hour: MoneyBody | None = None
    users: Count | None = None
    records_exposed: Count | None = None
    capacity_lost_percent: Percent | None = None
    data_loss: bool | None = None
    breach: bool | None = None
    compliance: Literal["none", "possible", "violated"] | None = None
    financial_error: bool | None = None
    server_errors: bool | None = None

    def impact(self) -> Impact:
        lost = self.lost_per_hour
        given = self.model_dump(exclude={"lost_per_hour"})
        money = Money(lost.amount, lost.currency) if lost else None
        return Impact(lost_per_hour=money, **given)


class Declare(Body):
    """A new incident. severity: only to set one by hand; dedup: at most one open incident has it;

    kind: of emergency, as the protocol names them; domain: whose ground it is, where services do not
    say; source: where it was seen; private: only for whoever takes part.
    """

    title: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    services: Names = ()
    severity: Name = ""
    trigger: Name = "manual"
    impact: ImpactBody = ImpactBody()
    began_at: Instant | None = None
    evidence: Text = ""
    dedup: Line = ""
    kind: Name = ""
    domain: Name = ""
    source: Name = ""
    private: bool = False

    def began(self) -> datetime | None:
        return utc(self.began_at) if self.began_at else None


class Update(Body):
    """status: one of the protocol's; fields: what it asks for beside the text, by id; expected_at: when
    it will be over, as far as anybody can tell."""

    status: Name
    text: Text
    fields: Annotated[dict[Name, Text], Field(max_length=100)] = {}
    expected_at: Instant | None = None

    def expected(self) -> datetime | None:
        return utc(self.expected_at) if self.expected_at else None


class Assign(Body):
    """Who takes the role."""

    person: Name


class Handoff(Body):
    """The role is offered, and moves when it is accepted."""

    to: Name
    notes: Text = ""


class ImpactReport(Body):
    """What somebody knows of the impact; what is not said stays as it is."""

    impact: ImpactBody


class Severity(Body):
    """A severity set by hand."""

    severity: Name
    because: Text


class Statement(Body):
    """subject: what the protocol asks for, such as root-cause."""

    subject: Name
    text: Text


class Note(Body):
    """A line for the timeline."""

    text: Text


_NO_HASH = (
    "A plan is approved as it was shown: send its `hash` here, as GET /api/v1/plans/{id} gives it"
)


class Approval(Body):
    """subject: stand-down, plan:PLAN-1 or change:CHG-1; binds: the hash of the plan that was shown,
    which a plan's approval cannot do without;

    as_reviewer: sign as a reviewer instead of as an approver.
    """

    subject: Name
    binds: Annotated[Name, Field(validate_default=True)] = ""
    note: Text = ""
    as_reviewer: bool = False

    @field_validator("binds")
    @classmethod
    def bound_to_what_was_shown(cls, binds: str, info: ValidationInfo) -> str:
        """Without it an approval would hold for whatever the plan is by then, seen or not."""
        if str(info.data.get("subject", "")).partition(":")[0] == "plan" and not binds.strip():
            raise PydanticCustomError("no-hash", _NO_HASH)
        return binds


class Override(Body):
    """subject: id of a criterion, plan:PLAN-1, change:CHG-1, halt:HALT-1, severity:NAME, close or
    preflight."""

    subject: Name
    because: Text


class Remedy(Body):
    """The choice of a person instead of the table. service: at fault, if not the first suspect."""

    remedy: Literal["rollback", "fix", "investigate"]
    because: Text
    service: Name = ""


class StandDown(Body):
    """Why the response may end."""

    reason: Text


class Step(Body):
    """A step of the plan."""

    step: Name


class Waiver(Body):
    """A step that a person lets the node go on without, and why."""

    step: Name
    because: Text


class AskedPlan(Body):
    """What is wanted of which services. targets: names, `all`, or `category:NAME` and the like.

    dependents: whoever is broken without a target (of a recovery: what it needs and is down) comes along;
    orphans: services that may stay up and broken; level: of a degradation; plan, to: of an undo, which plan, and
    the step down to which; deadline_ms: by when it must have ended, counted from its start, 0 for none; playbook:
    whose steps are played, or whose way back a recovery takes, by default the one of the incident's kind;
    release: of a rollback, by default the last known good one; until: of a restore, ISO 8601 with its zone, by
    default as the newest proven copy has it; levers: to pull or to take back, such as search:cached-answers.
    """

    purpose: Literal[
        "contain", "degrade", "stop", "recover", "undo", "playbook", "rollback", "fix", "snapshot",
        "restore", "release",
    ]  # fmt: skip
    targets: Names = ()
    dependents: bool = False
    orphans: Names = ()
    level: Literal["", "minor", "major", "critical"] = ""
    plan: Name = ""
    to: Name = ""
    deadline_ms: Annotated[int, Field(ge=0, le=31_536_000_000)] = 0
    playbook: Name = ""
    release: Annotated[str, StringConstraints(max_length=200)] = ""
    until: Name = ""
    levers: Names = ()


class Settle(Body):
    """How a step ended that no machine can know: whether it took effect, and what was seen."""

    step: Name
    happened: bool
    evidence: Text


class Because(Body):
    """The reason, for the record."""

    because: Text


class Halt(Body):
    """scope: all, team:NAME, agent:ID, session:ID, repository:NAME or PATH, host:NAME; exempt: agents that stay
    active as responders; classes: of tools that are blocked: default, hard, or of read, write, exec, net, deploy,
    spend, comms, other."""

    scope: Line
    reason: Text
    incident: Name = ""
    exempt: Names = ()
    classes: Annotated[tuple[Name, ...], Field(max_length=20)] = ("default",)


class SignedStatement(Body):
    """text: the canonical JSON that was signed; key: name of the release key; signature: Ed25519 in hexadecimal."""

    text: Text
    key: Name
    signature: Line


class Release(Body):
    """statements: signed by people for the release of this halt, where the protocol asks for release keys."""

    because: Text
    statements: Annotated[tuple[SignedStatement, ...], Field(max_length=10)] = ()


class NewAgent(Body):
    """An agent and the adapter that reaches it; host, where its host does. What is left empty stays as it was
    known: host, session of its client, repository it works in."""

    agent: NewName
    name: Line
    team: NewName
    adapter: NewName
    options: Annotated[dict[Name, Any], Field(max_length=100)] = {}
    host: Name = ""
    session: Name = ""
    repository: Line = ""


class RollCall(Body):
    """What an agent says about itself. checkpoint: where its work is saved."""

    halt: Name
    state: Name
    working_on: Line = ""
    checkpoint: Line = ""
    branch: Line = ""
    available: bool = False


class NewToken(Body):
    """principal: person:NAME, agent:NAME or source:NAME."""

    principal: Annotated[
        str, StringConstraints(max_length=100, pattern=r"^(person|agent|source):[\w.@+-]+$")
    ]
    days: Annotated[int, Field(ge=1, le=365)] = 90
