"""Events, effects and policies to canonical JSON and back, with numbered upcasts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
import rfc8785

import allstop.domain.confirmations
import allstop.domain.halt.events
import allstop.domain.halt.host_events
import allstop.domain.incident.aftercare_events
import allstop.domain.incident.course_events
import allstop.domain.incident.events
import allstop.domain.incident.work_events
import allstop.domain.plan.events
import allstop.domain.plan.lever_events
import allstop.domain.proposals
import allstop.domain.readiness  # noqa: F401  (importing registers the event kinds)
from allstop.application import policy_upcasts
from allstop.application.ports import StoredRecord
from allstop.domain.effects import Effect
from allstop.domain.policy import Policy
from allstop.domain.record import Record
from allstop.domain.registry import KINDS

# Whole numbers from here on have no exact place in JSON as others read it.
INEXACT = 2**53

_SIMPLE = frozenset({str, bool, type(None)})

# (kind, schema) -> function from the old body to the next schema's body.
UPCASTS: dict[tuple[str, int], Callable[[dict[str, Any]], dict[str, Any]]] = {}


def canonical(value: object) -> bytes:
    """RFC 8785 bytes of a value made of our dataclasses, strings, whole numbers, booleans and times.

    Raises ValueError for floats, integers beyond 2^53 and lone surrogates.
    """
    plain = msgspec.to_builtins(value)
    if _is_written_alike(plain):
        try:
            return msgspec.json.encode(plain, order="sorted")
        except UnicodeEncodeError:
            # Half a character, which is refused below, in words.
            return rfc8785.dumps(plain)
    _refuse_floats(plain)
    return rfc8785.dumps(plain)


def _is_written_alike(value: object) -> bool:
    """Whether msgspec is sure to write the very bytes of RFC 8785: of all but floats, large numbers, and
    objects whose names are not ASCII, which RFC 8785 sorts by their UTF-16."""
    left: list[Any] = [value]
    while left:
        one = left.pop()
        sort = type(one)
        if sort in _SIMPLE:
            continue
        if sort is dict:
            for name in one:
                if type(name) is not str or not name.isascii():
                    return False
            left += one.values()
        elif sort is list or sort is tuple:
            left += one
        elif sort is not int or not -INEXACT < one < INEXACT:
            return False
    return True


def _refuse_floats(value: object) -> None:
    """RFC 8785 could write them, but no two programs agree on what was meant."""
    match value:
        case float():
            raise ValueError(f"the log holds no floats such as {value}: write a decimal string")
        case dict():
            for one in value.values():
                _refuse_floats(one)
        case list() | tuple():
            for one in value:
                _refuse_floats(one)
        case _:
            return


def recordable(value: object) -> bool:
    """Whether a value from outside is a scalar that the log can hold."""
    if not isinstance(value, str | int | None):
        return False
    try:
        canonical(value)
    except ValueError:
        return False
    return True


def read_event(kind: str, schema: int, body: str | bytes) -> Any:
    """The event of a stored body, upcast to today's schema. Raises KeyError for an unknown kind."""
    raw = None
    while (kind, schema) in UPCASTS:
        raw = UPCASTS[(kind, schema)](raw if raw is not None else msgspec.json.decode(body))
        schema += 1
    if raw is not None:
        return msgspec.convert(raw, KINDS[kind])
    return _decoder(kind).decode(body)


@cache
def _decoder(kind: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(KINDS[kind])


def read_record(stored: StoredRecord) -> Record:
    """A log entry with its event."""
    return Record(
        stored.position, stored.stream, stored.version, stored.kind, stored.schema, stored.at,
        stored.actor, stored.cause, read_event(stored.kind, stored.schema, stored.body),
        stored.prev, stored.hash,
    )  # fmt: skip


def write_effect(effect: Effect) -> str:
    return msgspec.json.encode(effect).decode()


def read_effect(text: str | bytes) -> Effect:
    return msgspec.json.decode(text, type=Effect)


def write_policy(policy: Policy) -> str:
    return canonical(policy).decode()


def read_policy(text: str | bytes) -> Policy:
    """The policy of a stored body; one of an earlier version is lifted, and its text stays as it is."""
    return msgspec.convert(policy_upcasts.lift(msgspec.json.decode(text)), Policy)


def write_time(at: datetime) -> str:
    """RFC 3339 in UTC with a trailing Z; sorts as text when all are written by this function."""
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_time(text: str) -> datetime:
    return datetime.fromisoformat(text)
