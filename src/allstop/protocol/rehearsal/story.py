"""Story files: what happens, who does what, and what is expected, with every mistake at its line."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from allstop.protocol.inherit import Source, read_source
from allstop.protocol.problems import Place, Problem
from allstop.protocol.rehearsal.deeds import DEEDS, WORLD_DEEDS, wrong_field
from allstop.protocol.scalars import DurationOrZero, Name, Shape, Text, Words
from allstop.protocol.shape import shape

START = datetime.fromisoformat("2026-11-20T22:00:00+00:00")
LONGEST_STEPS = 2000


def _instant(value: Any) -> Any:
    if isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            found = datetime.min  # noqa: DTZ901  (without a zone, so that it is refused below)
        if found.tzinfo is not None:
            return found
    raise PydanticCustomError("instant", "must be a time such as 2026-11-20T22:00:00Z")


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
    Words("time with zone"),
]


class StepDocument(Shape):
    """One step. `do` names what is done, with its fields beside it."""

    at: DurationOrZero = Field(default=0, description="when, from the beginning of the story")
    by: Text = Field(default="", description="who: person:ada, agent:builder-1; empty: the world")
    do: Name = Field(description=f"one of {', '.join((*DEEDS, *WORLD_DEEDS))}")
    with_: dict[str, Any] = Field(
        default_factory=dict, alias="with", description="fields of what is done"
    )

    @model_validator(mode="after")
    def _known(self) -> StepDocument:
        deed = DEEDS.get(self.do)
        if deed is None and self.do not in WORLD_DEEDS:
            names = ", ".join((*DEEDS, *WORLD_DEEDS))
            raise PydanticCustomError("deed", "`do` must be one of {names}", {"names": names})
        known = deed.fields if deed is not None else WORLD_DEEDS[self.do]
        unknown = sorted(set(self.with_) - set(known))
        if unknown:
            raise PydanticCustomError(
                "deed", "{do} has no field {unknown}; it has: {known}",
                {"do": self.do, "unknown": ", ".join(unknown), "known": ", ".join(known) or "none"},
            )  # fmt: skip
        wrong = next(
            (w for name, value in self.with_.items() if (w := wrong_field(self.do, name, value))),
            "",
        )
        if wrong:
            raise PydanticCustomError("deed", "{do}: {wrong}", {"do": self.do, "wrong": wrong})
        return self


class ServiceDocument(Shape):
    """A service of the story, for protocols that are rehearsed without a fleet."""

    class_: Name | None = Field(default=None, alias="class", description="class of objectives")
    domain: Name | None = Field(default=None, description="whose ground it is")
    protected: bool = Field(default=False, description="never changed without a person")
    stateful: bool = Field(default=False, description="whether it keeps data")


class StoryDocument(Shape):
    """A story file."""

    schema_: Literal["allstop-story/1"] = Field(alias="schema", description="version of the format")
    title: Text = Field(default="", description="what it is about")
    protocol: Name | None = Field(default=None, description="a built-in protocol to play it with")
    start: Instant = Field(default=START, description="when it begins")
    services: dict[Name, ServiceDocument] = Field(default_factory=dict, description="by name")
    steps: list[StepDocument] = Field(
        min_length=1, max_length=LONGEST_STEPS, description="in the order of their times"
    )
    lasts: DurationOrZero = Field(default=0, description="how long to watch after the last step")
    expect: list[Text] = Field(default_factory=list, description="expectations, one per line")


@dataclass(frozen=True, slots=True)
class StoryStep:
    """at_ms: from the beginning; place: line in the file."""

    at_ms: int
    by: str
    do: str
    fields: dict[str, Any]
    place: Place


@dataclass(frozen=True, slots=True)
class Story:
    """expect: (expectation, place)."""

    title: str
    protocol: str
    start: datetime
    services: dict[str, dict[str, str]]
    steps: tuple[StoryStep, ...]
    lasts_ms: int
    expect: tuple[tuple[str, Place], ...] = field(default=())


def read_story(path: Path) -> tuple[Story | None, tuple[Problem, ...]]:
    """A story, or every problem it has. Never raises for what the file holds."""
    source = Source(str(path), path)
    root, problems = read_source(source, Place(source.shown, 1, 1))
    if root is None:
        return None, problems
    document, found = shape(root, StoryDocument, source.shown)
    problems += found
    model = document.model
    if model is None or problems:
        return None, problems
    steps = tuple(
        StoryStep(step.at, step.by, step.do, step.with_, document.at("steps", number))
        for number, step in enumerate(model.steps)
    )
    return Story(
        title=model.title,
        protocol=model.protocol or "",
        start=model.start,
        services={name: _about(one) for name, one in model.services.items()},
        steps=tuple(sorted(steps, key=lambda step: step.at_ms)),
        lasts_ms=model.lasts,
        expect=tuple(
            (text, document.at("expect", number)) for number, text in enumerate(model.expect)
        ),
    ), ()


def _about(one: ServiceDocument) -> dict[str, str]:
    found = {"protected": str(one.protected).lower(), "stateful": str(one.stateful).lower()}
    if one.class_:
        found["class"] = one.class_
    if one.domain:
        found["domain"] = one.domain
    return found
