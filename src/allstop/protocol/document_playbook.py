"""A file of `playbooks/` as people write it. Descriptions here become the reference page."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from allstop.protocol.scalars import DurationOrZero, Entry, Mark, Name, Percent, Shape, Text, Words
from allstop.protocol.times import SpanText

MOST_STEPS, MOST_PHASES = 100, 20
PlanName = Literal["isolate", "degrade", "stop", "recover", "rollback", "snapshot", "restore"]
PlayedAction = Literal[
    "isolate", "reopen", "quiesce", "unquiesce", "drain", "undrain", "fence", "unfence", "flush",
    "snapshot", "verify-snapshot", "stop", "kill", "start", "restart", "scale",
]  # fmt: skip
# What a step may be; it is exactly one of them.
SORTS = ("plan", "action", "lever", "release", "tell", "owe", "task", "gate")


def _all_or_names(value: Any) -> Any:
    if value == []:
        raise PydanticCustomError("probes", "must be all, or a list with a probe in it")
    return [] if value == "all" else value


_PROBES_SCHEMA = {
    "anyOf": [
        {"const": "all"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
    ]
}
GateProbes = Annotated[
    list[Name],
    BeforeValidator(_all_or_names),
    WithJsonSchema(_PROBES_SCHEMA),
    Words("`all`, or a list of probes"),
]


class ForDocument(Shape):
    """Which incidents a playbook is for."""

    kinds: list[Name] = Field(
        default_factory=list,
        description="kinds of emergency of the protocol; without one it is played only by its name",
    )
    severities: list[Name] = Field(
        default_factory=list, description="only at these severities; at all when absent"
    )
    domains: list[Name] = Field(
        default_factory=list, description="only when one of these is hit; all when absent"
    )


class PlayedDocument(Shape):
    """What the playbook calls some services of the fleet."""

    title: Text = Field(default="", description="what they do, in a few words")
    targets: list[Text] = Field(
        default_factory=list, description="services, or `domain:NAME` and the like, as `allstop plan` takes them"
    )  # fmt: skip


class PlaybookStepDocument(Shape):
    """One step: exactly one sort, with what belongs to it."""

    title: Text = Field(default="", description="what people read; made up when absent")
    plan: PlanName | None = Field(
        default=None, description="a plan of the fleet, drawn for the services under `on`"
    )
    action: PlayedAction | None = Field(
        default=None, description="one action of each service under `on`"
    )
    lever: Name | None = Field(default=None, description="pulls the lever of this name")
    release: Name | None = Field(default=None, description="takes the lever of this name back")
    tell: Name | None = Field(default=None, description="tells this audience something, once")
    owe: Text | None = Field(
        default=None, min_length=1, description="something owed from now on: its clock starts"
    )
    task: Text | None = Field(
        default=None, min_length=1, description="a person does it, and says so with what they saw"
    )
    gate: GateProbes | None = Field(
        default=None,
        description="probes that must be good for a while, beside those of the services under `on`",
    )
    on: list[Text] = Field(
        default_factory=list, description="names of `services`, or targets of the fleet"
    )
    after: list[Name] = Field(
        default_factory=list, description="steps above it in the file that must have ended"
    )
    early: bool = Field(
        default=False, description="it does not wait for its phase to begin, only for `after`"
    )
    role: Entry | None = Field(
        default=None, description="who does it or owes it: a role, `office:NAME`, `person:ID`; the commander when absent"
    )  # fmt: skip
    level: Literal["minor", "major", "critical"] | None = Field(
        default=None,
        description="of `plan: degrade`: up to which degree; what the protocol says of the severity when absent",
    )
    percent: Percent | None = Field(default=None, description="of `action: scale`: to how much")
    dependents: bool = Field(
        default=False, description="of `plan: stop`: whoever is broken by it comes along"
    )
    subject: Text = Field(
        default="", description="of `tell`: its first line; the title when absent"
    )
    text: Text = Field(
        default="",
        description="of `tell`: what is told, with placeholders; of `task`: more about it",
    )
    within: SpanText | None = Field(default=None, description="of `owe`: until when, from now on")
    remind: SpanText | None = Field(
        default=None, description="of `owe`: its owner is reminded so long before it is due"
    )
    met_by: Mark | None = Field(
        default=None, description="of `owe`: the mark that meets it; a person says so when absent"
    )
    on_failure: Literal["hold", "continue"] | None = Field(
        default=None,
        description="whether what comes after waits for a person when it fails; hold when absent",
    )

    @model_validator(mode="after")
    def _one_sort(self) -> PlaybookStepDocument:
        found = [name for name in SORTS if getattr(self, name) is not None]
        if len(found) != 1:
            said = " and ".join(found) or "none"
            raise PydanticCustomError(
                "playbook_step", "must be of exactly one sort, not {found}", {"found": said}
            )
        return self

    @property
    def sort(self) -> str:
        """Which of `SORTS` it is."""
        return next(name for name in SORTS if getattr(self, name) is not None)


class PlaybookPhaseDocument(Shape):
    """A phase. The next one begins when every step of it has ended."""

    title: Text = Field(default="", description="a short name for people; the name when absent")
    from_: DurationOrZero | None = Field(
        default=None, alias="from",
        description="when it should begin, from the start; when the phase before should end when absent",
    )  # fmt: skip
    within: DurationOrZero = Field(description="when it should have ended, from the start")
    recovery: bool = Field(
        default=False, description="part of the way back, which `plan recover` takes by itself"
    )
    steps: dict[Name, PlaybookStepDocument] = Field(
        default_factory=dict, max_length=MOST_STEPS, description="by id, unique in the playbook"
    )


class PlaybookDocument(Shape):
    """A file of `playbooks/` with everything it extends merged in."""

    schema_: Literal["allstop/1"] = Field(alias="schema", description="version of the format")
    name: Name = Field(description="how it is asked for")
    title: Text = Field(default="", description="a short name for people; the name when absent")
    extends: Text | None = Field(
        default=None, description="name of a built-in playbook, or path of a file relative to this one"
    )  # fmt: skip
    for_: ForDocument = Field(
        default_factory=ForDocument, alias="for", description="which incidents it is for"
    )
    services: dict[Name, PlayedDocument] = Field(
        default_factory=dict, description="what it calls which services of the fleet"
    )
    phases: dict[Name, PlaybookPhaseDocument] = Field(
        min_length=1, max_length=MOST_PHASES, description="by name, in their order"
    )
