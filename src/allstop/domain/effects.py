"""Requests to the world, and how they ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from allstop.domain.policy.tables import Scalar


class Lane(StrEnum):
    """Urgency. Halts have workers and a budget of their own: nothing else can delay one."""

    HALT = "halt"
    APPROVAL = "approval"
    PAGE = "page"
    COMMAND = "command"
    INTAKE = "intake"


LANES: tuple[Lane, ...] = (Lane.HALT, Lane.APPROVAL, Lane.PAGE, Lane.COMMAND, Lane.INTAKE)


class Purpose(StrEnum):
    """Why an effect exists; decides which events its outcome becomes."""

    TELL = "tell"  # an agent is told to stop
    CONFIRM = "confirm"  # the agent's answer is checked against evidence
    FREEZE = "freeze"  # an agent is stopped by force, and read back
    RESUME = "resume"  # an agent nobody holds any more may go on
    NOTIFY = "notify"  # somebody is told something
    EVIDENCE = "evidence"  # read-only diagnosis
    STEP = "step"  # a step of a plan
    PREFLIGHT = "preflight"  # the checks before anything is executed


class Repeat(StrEnum):
    """What may be done after a crash between acting and recording. Declared per adapter verb."""

    REPEATABLE = "repeatable"  # ensures a state: run again
    KEYED = "keyed"  # the receiver drops the double: run again with the same key
    PROBE = "probe"  # look for our mark first
    ONCE = "once"  # never again by a machine


@dataclass(frozen=True, slots=True)
class Proof:
    """A look past the actuator, made as part of a step: the step is done only when this says so as well."""

    adapter: str
    options: dict[str, Any]
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class Effect:
    """One request to the world, stored in the transaction of the events that caused it.

    id: also the idempotency key, made of stream, version and index; stream: where its outcome is
    recorded; ref: what it is about there (agent, step, evidence or notification id);
    timeout_ms: how long one attempt may take; epoch: fencing number, actuators refuse lower ones; proof:
    what must be seen before it counts as done.
    """

    id: str
    stream: str
    purpose: Purpose
    ref: str
    adapter: str
    verb: str
    target: str
    options: dict[str, Any]
    lane: Lane
    timeout_ms: int
    epoch: int
    attempts: int = 3
    proof: Proof | None = None


class Ending(StrEnum):
    """done: it happened, with evidence; retry: not now; failed: it will not; unknown: nobody knows."""

    DONE = "done"
    RETRY = "retry"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt ended.

    because: one sentence; facts: small scalars for decisions; evidence: SHA-256 of a stored body
    (full output) or empty; after_ms: for retry, how long to wait.
    """

    ending: Ending
    because: str = ""
    facts: dict[str, Scalar] = field(default_factory=dict)
    evidence: str = ""
    after_ms: int = 0


def done(because: str = "", facts: dict[str, Scalar] | None = None, evidence: str = "") -> Outcome:
    return Outcome(Ending.DONE, because, facts or {}, evidence)


def retry(because: str, after_ms: int = 1000) -> Outcome:
    return Outcome(Ending.RETRY, because, after_ms=after_ms)


def failed(because: str, facts: dict[str, Scalar] | None = None, evidence: str = "") -> Outcome:
    return Outcome(Ending.FAILED, because, facts or {}, evidence)


def unknown(because: str) -> Outcome:
    return Outcome(Ending.UNKNOWN, because)
