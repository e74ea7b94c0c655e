"""Answers that only this face has; everything else is `allstop.application.shapes`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from pydantic import BaseModel

from allstop.application.ports import AdapterInfo, EffectRow
from allstop.domain.policy import Policy


@dataclass(frozen=True, slots=True)
class Done:
    """What a command led to. Only the fields that apply are sent.

    incident, halt, plan, proposal, task, evidence, change, action: what was opened; reopened: it was
    there and is open again; into: where the response goes on; number: of the update or the filing of
    the form, preflight: of the checks; state: of the agent in the roll call; still_held: agents of a
    released halt that another one holds, held_by: which; stage, allowed: of a release, and whom it lets go on;
    severity: as triaged; crew, members: as assigned; waits_for: who must agree, or what a release takes;
    team: that was given points; warning: what was done all the same; looked: evidence that is being collected.
    """

    incident: str = ""
    halt: str = ""
    plan: str = ""
    proposal: str = ""
    task: str = ""
    evidence: str = ""
    change: str = ""
    action: str = ""
    number: int = 0
    state: str = ""
    still_held: tuple[str, ...] = ()
    held_by: dict[str, tuple[str, ...]] = field(default_factory=dict)
    reopened: bool = False
    into: str = ""
    form: str = ""
    preflight: int = 0
    severity: str = ""
    crew: str = ""
    members: tuple[str, ...] = ()
    waits_for: str = ""
    stage: str = ""
    allowed: tuple[str, ...] = ()
    team: str = ""
    warning: str = ""
    looked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Confirmed:
    """Who is on record as knowing which protocol. until: when it runs out, null where it does not."""

    person: str
    protocol: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Filed:
    """A report that was written. path: relative to the project folder."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A token. It is shown this once."""

    principal: str
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ConsoleLink:
    """Works once, within ten minutes (one for halting within 15), and signs in whoever asked for it."""

    url: str


@dataclass(frozen=True, slots=True)
class Revoked:
    """How many tokens the principal had."""

    principal: str
    revoked: int


@dataclass(frozen=True, slots=True)
class Adopted:
    """digest: of the policy for incidents declared from now on."""

    digest: str


@dataclass(frozen=True, slots=True)
class CurrentPolicy:
    """The policy for incidents declared from now on; running ones are pinned to theirs."""

    digest: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class EffectLine:
    """A request to the world, and where it stands. due_at: of the next or the last attempt."""

    id: str
    stream: str
    purpose: str
    ref: str
    adapter: str
    verb: str
    target: str
    lane: str
    epoch: int
    state: str
    attempt: int
    due_at: datetime
    because: str


@dataclass(frozen=True, slots=True)
class VerbLine:
    """One verb of an adapter. repeat: what may be done after a crash; options: JSON Schema."""

    name: str
    summary: str
    repeat: str
    inverse: str
    read_only: bool
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class AdapterLine:
    """An adapter; unavailable: why it cannot be used, or empty."""

    name: str
    summary: str
    version: str
    ports: tuple[str, ...]
    verbs: tuple[VerbLine, ...]
    probe_options: dict[str, Any]
    unavailable: str


@dataclass(frozen=True, slots=True)
class Stopping:
    """The coordinator stops when this answer is sent."""

    stopping: bool


def effect_line(row: EffectRow) -> EffectLine:
    effect = row.effect
    return EffectLine(
        effect.id, effect.stream, effect.purpose.value, effect.ref, effect.adapter, effect.verb,
        effect.target, effect.lane.value, effect.epoch, row.state.value, row.attempt, row.due_at,
        row.because,
    )  # fmt: skip


def adapter_line(info: AdapterInfo) -> AdapterLine:
    verbs = tuple(
        VerbLine(
            verb.name, verb.summary, verb.repeat.value, verb.inverse, verb.read_only,
            _schema(verb.options),
        )
        for verb in info.verbs
    )  # fmt: skip
    options = _schema(info.probe_options)
    return AdapterLine(info.name, info.summary, info.version, info.ports, verbs, options, "")


def _schema(model: type[BaseModel] | None) -> dict[str, Any]:
    return model.model_json_schema() if model is not None else {}


def encode(value: object) -> bytes:
    """JSON of an answer: times in RFC 3339, enumerations as their text."""
    return msgspec.json.encode(value)
