"""`protocol.yaml` as people write it. Descriptions here become the reference page."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from allstop.protocol.scalars import Duration, DurationOrZero, Name, Shape, Text, Words

CRITERION_KINDS = (
    "roll_call", "evidence", "remedy", "plan", "probe", "stable_for", "statement", "approval", "role",
)  # fmt: skip


def _names_or_all(value: Any) -> Any:
    """`all` becomes an empty list, which is how the policy says every probe of the fleet."""
    if value == "all":
        return []
    if value == []:
        raise PydanticCustomError("too_short", "must name a probe, or be `all`")
    return value


def _scalar(value: Any) -> Any:
    if value is None or isinstance(value, str | int):
        return value
    raise PydanticCustomError("scalar", "must be text, a whole number, true, false or null")


def _test(value: Any) -> Any:
    """`fact: 5` is short for `fact: {is: 5}`."""
    return value if isinstance(value, dict | list) else {"is": value}


ProbeNames = Annotated[
    list[Name],
    BeforeValidator(_names_or_all),
    WithJsonSchema({"anyOf": [{"const": "all"}, {"type": "array", "items": {"type": "string"}}]}),
    Words("list of names, or `all`"),
]
Value = Annotated[
    Any,
    BeforeValidator(_scalar),
    WithJsonSchema({"type": ["string", "integer", "boolean", "null"]}),
    Words("scalar"),
]


class FactTest(Shape):
    """One or more tests of one fact; all must hold. `fact: 5` is short for `fact: {is: 5}`."""

    is_: Value = Field(default=None, alias="is", description="equal; `null` means unknown")
    is_not: Value = Field(default=None, description="known, and different; `null`: known")
    at_least: Value = Field(default=None, description="a number, or money such as `10000 USD`")
    more_than: Value = Field(default=None, description="as at_least")
    at_most: Value = Field(default=None, description="as at_least")
    less_than: Value = Field(default=None, description="as at_least")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("scalar", "must test something, such as {at_least: 5}")
        return self

    def written(self) -> list[tuple[str, Any]]:
        """(operator, value) of what stands in the document, in the order of the operators."""
        return [
            (name.rstrip("_"), getattr(self, name))
            for name in type(self).model_fields
            if name in self.model_fields_set
        ]


When = dict[Name, Annotated[FactTest, BeforeValidator(_test)]]


class TargetsDocument(Shape):
    """Times to reach, counted from detection; measured and reported, not enforced."""

    detect: Duration | None = Field(
        default=None, description="from the first bad moment to declaring"
    )
    respond: Duration | None = Field(default=None, description="to the acknowledgement")
    contain: Duration | None = Field(default=None, description="to containment")
    resolve: Duration | None = Field(default=None, description="to resolution")


class SeverityDocument(Shape):
    """One severity. The first in the document is the worst."""

    title: Text = Field(default="", description="a short name for people")
    description: Text = Field(default="", description="what belongs here")
    respond_within: Duration = Field(description="deadline to acknowledge; then it is escalated")
    update_every: Duration | None = Field(
        default=None, description="cadence of updates; none owed when absent"
    )
    all_stop: bool = Field(
        default=False, description="whether declaring orders every agent to stop"
    )
    tell: list[Name] = Field(default_factory=list, description="audiences that are told")
    targets: TargetsDocument = Field(default_factory=TargetsDocument, description="times to reach")


class ClassificationDocument(Shape):
    """One row of the classification; the first that holds decides."""

    severity: Name = Field(description="a severity of this protocol")
    when: When = Field(default_factory=dict, description="tests of facts; without any, always")
    because: Text = Field(min_length=1, description="the reason people read")


class RoleDocument(Shape):
    """A role of the incident."""

    title: Text = Field(default="", description="a short name for people")
    fill: bool = Field(default=False, description="assign it from the roster when declaring")
    duties: Text = Field(default="", description="what the holder does")


class AllStopDocument(Shape):
    """How agents are stopped and counted."""

    roll_call: Duration = Field(description="how long agents have to answer")
    remind_after: Duration = Field(description="when those who have not answered are asked again")
    enforce: Literal["freeze", "none"] = Field(
        default="freeze", description="what happens to an agent that did not answer"
    )
    order: Text = Field(min_length=1, description="what agents are told")


class CriterionDocument(Shape):
    """One exit criterion: exactly one kind, with what belongs to it."""

    title: Text = Field(default="", description="what people read; the id when absent")
    roll_call: Literal[True] | None = Field(
        default=None, description="every agent confirmed or enforced"
    )
    evidence: Literal["all"] | None = Field(
        default=None, description="all requested evidence came in"
    )
    remedy: Literal["decided"] | None = Field(default=None, description="the remedy was decided")
    plan: Literal["contain", "remedy"] | None = Field(default=None, description="the plan is done")
    probe: ProbeNames | None = Field(default=None, description="so many good samples in a row")
    stable_for: Duration | None = Field(default=None, description="good samples for this long")
    statement: Name | None = Field(
        default=None, description="a person recorded a statement on this"
    )
    approval: Name | None = Field(default=None, description="a holder of the role approved")
    role: Name | None = Field(default=None, description="the role is filled")
    probes: ProbeNames | None = Field(default=None, description="with stable_for; all when absent")
    samples: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="with probe (1) or stable_for (3): fewest good samples",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = [kind for kind in CRITERION_KINDS if getattr(self, kind) is not None]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none"
            raise PydanticCustomError(
                "criterion", "must be of exactly one kind, not {found}", {"found": found}
            )
        if self.probes is not None and kinds != ["stable_for"]:
            raise PydanticCustomError("criterion", "has `probes`, which belongs to stable_for only")
        if self.samples is not None and kinds[0] not in {"probe", "stable_for"}:
            raise PydanticCustomError(
                "criterion", "has `samples`, which belongs to probe or stable_for"
            )
        return self

    @property
    def kind(self) -> str:
        """Which of `CRITERION_KINDS` it is."""
        return next(kind for kind in CRITERION_KINDS if getattr(self, kind) is not None)

    @property
    def watched(self) -> list[str] | None:
        """Names of probes, empty for all of the fleet; None when no probe is concerned."""
        if self.stable_for is not None:
            return self.probes or []
        return self.probe

    @property
    def fewest(self) -> int:
        """How many good samples it needs."""
        return self.samples or (3 if self.stable_for is not None else 1)


class PhaseDocument(Shape):
    """A phase of the response, in the order of the document."""

    title: Text = Field(default="", description="a short name for people")
    automatic: bool = Field(
        default=True, description="enter the next phase as soon as all criteria hold"
    )
    actions: list[Text] = Field(default_factory=list, description="what is done here, for people")
    exit: dict[Name, CriterionDocument] = Field(
        default_factory=dict, description="criteria by id; ids are unique in the whole protocol"
    )


class RemedyRowDocument(Shape):
    """One row of the decision table; the first that holds decides."""

    remedy: Literal["rollback", "fix", "investigate"] = Field(description="what to do")
    when: When = Field(default_factory=dict, description="tests of facts; without any, always")
    because: Text = Field(min_length=1, description="the reason people read")


class GateDocument(Shape):
    """The gates of a remedy plan: on the service itself, then on what it serves."""

    samples: int = Field(default=3, ge=1, le=1000, description="fewest good samples in a row")
    window: Duration = Field(default=15_000, description="good for at least this long")
    limit: Duration = Field(
        default=120_000, description="after this long without a pass the plan holds"
    )


class RemedyDocument(Shape):
    """Rollback, fix or investigate; and what may run without a person."""

    table: list[RemedyRowDocument] = Field(min_length=1, description="rows, the first match wins")
    contain_automatically: list[Name] = Field(
        default_factory=list, description="severities at which isolation starts by itself"
    )
    approve: Name | None = Field(
        default=None, description="role whose approval a remedy plan needs"
    )
    recent: Duration = Field(
        default=86_400_000, description="how fresh a deployment counts as recent"
    )
    decide_within: Duration = Field(
        default=120_000, description="the table is consulted with what is known by then"
    )
    gate: GateDocument = Field(default_factory=GateDocument, description="gates of the plan")


class UpdatesDocument(Shape):
    """Updates during the incident; their cadence is the severity's."""

    grace: DurationOrZero = Field(
        default=120_000, description="how late one may be before it is escalated"
    )
    statuses: list[Name] = Field(
        default=["investigating", "containing", "fixing", "resolved"],
        description="what an update may say",
    )


class AudienceDocument(Shape):
    """A group that is told things."""

    title: Text = Field(default="", description="a short name for people")
    channels: list[Name] = Field(default_factory=list, description="channels of roster.yaml")


class ObligationDocument(Shape):
    """Something owed after stand-down."""

    title: Text = Field(min_length=1, description="what is owed")
    owner: Name = Field(description="the role that owes it")
    within: Duration = Field(description="counted from stand-down")


class ProtocolDocument(Shape):
    """`protocol.yaml` with everything it extends merged in."""

    schema_: Literal["allstop/1"] = Field(alias="schema", description="version of the format")
    name: Name = Field(description="identifies the protocol")
    title: Text = Field(default="", description="a short name for people")
    extends: Text | None = Field(
        default=None, description="name of a built-in pack, or path of a file relative to this one"
    )
    severities: dict[Name, SeverityDocument] = Field(
        min_length=1, description="by name, the worst first"
    )
    classification: list[ClassificationDocument] = Field(
        min_length=1, description="severity from impact, the first match wins"
    )
    roles: dict[Name, RoleDocument] = Field(default_factory=dict, description="by name")
    authority: dict[Text, list[Text]] = Field(
        default_factory=dict, description="who may do what: action and its grants"
    )
    all_stop: AllStopDocument = Field(description="stopping all agents")
    phases: dict[Name, PhaseDocument] = Field(min_length=1, description="by name, in order")
    stand_down: dict[Name, CriterionDocument] = Field(
        default_factory=dict, description="criteria that must hold to stand down"
    )
    remedy: RemedyDocument = Field(description="rollback, fix or investigate")
    updates: UpdatesDocument = Field(default_factory=UpdatesDocument, description="updates")
    audiences: dict[Name, AudienceDocument] = Field(default_factory=dict, description="by name")
    escalation: list[Text] = Field(
        default_factory=list,
        description="who is told of a missed deadline, in order: roles, `person:ID`, `owner`",
    )
    evidence: list[Name] = Field(
        default_factory=list, description="evidence collected from each service that offers it"
    )
    obligations: dict[Name, ObligationDocument] = Field(
        default_factory=dict, description="owed after stand-down, by id"
    )
    terms: dict[Name, Text] = Field(default_factory=dict, description="local words: ours to yours")

    def criteria(self) -> list[tuple[tuple[str, ...], str, CriterionDocument]]:
        """(path, id, criterion) of every criterion of the phases and of standing down."""
        found: list[tuple[tuple[str, ...], str, CriterionDocument]] = [
            (("phases", name, "exit", id), id, criterion)
            for name, phase in self.phases.items()
            for id, criterion in phase.exit.items()
        ]
        found += [(("stand_down", id), id, criterion) for id, criterion in self.stand_down.items()]
        return found
