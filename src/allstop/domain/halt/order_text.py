"""The texts that are signed: a standing order, a statement of release, a halt that a person carries to machines, and the envelope.

Strict both ways: what is written reads back the same, and what makes no sense raises ValueError in a sentence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

from allstop.domain.halt.scope import CLASSES, DEFAULT, normal, trouble_with

T = TypeVar("T")

FLEET = "fleet"
LARGEST = 1_000_000
LARGEST_NUMBER = 2**53 - 1
MOST_KEYS = 2
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class StandingHalt:
    """One halt as a host knows it. keys: how many release keys must sign its release; exempt: agents."""

    id: str
    incident: str = ""
    severity: str = ""
    scope: str = "all"
    classes: tuple[str, ...] = DEFAULT
    exempt: tuple[str, ...] = ()
    keys: int = 0


@dataclass(frozen=True, slots=True)
class Pass:
    """Lets one session use some classes of tools until a time (UTC) while one halt stands. role: for people."""

    session: str
    agent: str
    role: str
    classes: tuple[str, ...]
    until: datetime
    halt: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A person's signed word. text: see `release_text` and `carried_text`; key: name of the key; signature: hexadecimal."""

    text: str
    key: str
    signature: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A halt that was released, with what was signed for it."""

    halt: str
    statements: tuple[Statement, ...] = ()


@dataclass(frozen=True, slots=True)
class StandingOrder:
    """Everything that stands. audience: `fleet` or `host:NAME`; seq: number, only ever growing;
    frozen: agents whose processes are to be stopped; released: halts that ended lately."""

    issuer: str
    audience: str
    seq: int
    at: datetime
    not_after: datetime
    halts: tuple[StandingHalt, ...] = ()
    passes: tuple[Pass, ...] = ()
    frozen: tuple[str, ...] = ()
    released: tuple[Ended, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """What a statement of release says. audience: `fleet` or `host:NAME`."""

    halt: str
    audience: str
    at: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Carried:
    """A halt that a person signed for machines that no coordinator reaches. audience: `fleet` or `host:NAME`; reason: for people."""

    scope: str
    classes: tuple[str, ...]
    reason: str
    audience: str
    at: datetime
    not_after: datetime


# --- writing ---------------------------------------------------------------------------------


def order_text(order: StandingOrder) -> str:
    """The canonical JSON (RFC 8785) of an order."""
    return _canonical({
        "v": 1, "kind": "standing-order", "issuer": order.issuer, "audience": order.audience,
        "seq": order.seq, "at": _time(order.at), "not_after": _time(order.not_after),
        "halts": [
            {
                "id": one.id, "incident": one.incident, "severity": one.severity, "scope": one.scope,
                "classes": list(one.classes), "exempt": list(one.exempt), "keys": one.keys,
            }
            for one in order.halts
        ],
        "passes": [
            {
                "session": one.session, "agent": one.agent, "role": one.role, "halt": one.halt,
                "classes": list(one.classes), "until": _time(one.until),
            }
            for one in order.passes
        ],
        "frozen": list(order.frozen),
        "released": [
            {"halt": one.halt, "statements": [_statement(each) for each in one.statements]}
            for one in order.released
        ],
    })  # fmt: skip


def release_text(release: Release) -> str:
    """The canonical JSON of a statement of release."""
    return _canonical({
        "v": 1, "kind": "release", "halt": release.halt, "audience": release.audience,
        "at": _time(release.at), "not_after": _time(release.not_after),
    })  # fmt: skip


def carried_text(halt: Carried) -> str:
    """The canonical JSON of a halt that is carried to machines."""
    return _canonical({
        "v": 1, "kind": "halt", "scope": halt.scope, "classes": list(halt.classes), "reason": halt.reason,
        "audience": halt.audience, "at": _time(halt.at), "not_after": _time(halt.not_after),
    })  # fmt: skip


def envelope_text(sealed: Statement) -> str:
    """An order and its signature, as it travels."""
    return _canonical({"order": sealed.text, "key": sealed.key, "signature": sealed.signature})


def _statement(one: Statement) -> dict[str, str]:
    return {"text": one.text, "key": one.key, "signature": one.signature}


def _canonical(value: dict[str, Any]) -> str:
    """RFC 8785: of ASCII names, texts and whole numbers that is JSON without blanks, its names in order."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


# --- reading ---------------------------------------------------------------------------------


def read_envelope(envelope: str | bytes) -> Statement:
    """An order's text, key and signature. Raises ValueError."""
    found = _Reader(_parsed(envelope), "the envelope")
    return Statement(found.text("order", LARGEST), found.text("key"), found.text("signature"))


def read_order(text: str) -> StandingOrder:
    """Raises ValueError for what is no standing order. Names that later versions add are passed over."""
    found = _Reader(_parsed(text), "the order")
    found.must_be("standing-order")
    return StandingOrder(
        issuer=found.text("issuer"),
        audience=_audience(found),
        seq=found.number("seq", 1, LARGEST_NUMBER),
        at=found.time("at"),
        not_after=found.time("not_after"),
        halts=_distinct(found.each("halts", _halt)),
        passes=found.each("passes", _pass),
        frozen=found.texts("frozen"),
        released=found.each("released", _ended),
    )


def read_release(text: str) -> Release:
    """Raises ValueError for what is no statement of release."""
    found = _Reader(_parsed(text), "the statement")
    found.must_be("release")
    return Release(found.text("halt"), _audience(found), found.time("at"), found.time("not_after"))


def read_carried(text: str) -> Carried:
    """Raises ValueError for what is no halt that a person carries."""
    found = _Reader(_parsed(text), "the halt")
    found.must_be("halt")
    return Carried(
        _scope(found), normal(found.texts("classes")), found.text("reason", 500, empty=True),
        _audience(found), found.time("at"), found.time("not_after"),
    )  # fmt: skip


def _scope(found: _Reader) -> str:
    scope = found.text("scope", 400)
    if trouble_with(scope):
        raise ValueError(trouble_with(scope))
    return scope


def _halt(found: _Reader) -> StandingHalt:
    return StandingHalt(
        found.text("id"), found.text("incident", empty=True), found.text("severity", empty=True),
        _scope(found), normal(found.texts("classes")), found.texts("exempt"),
        found.number("keys", 0, MOST_KEYS),
    )  # fmt: skip


def _pass(found: _Reader) -> Pass:
    classes = found.texts("classes")
    unknown = [one for one in classes if one not in CLASSES]
    if unknown:
        raise ValueError(f"{unknown[0]} is no class of tools")
    return Pass(
        found.text("session"), found.text("agent"), found.text("role", empty=True), classes,
        found.time("until"), found.text("halt"),
    )  # fmt: skip


def _ended(found: _Reader) -> Ended:
    return Ended(found.text("halt"), found.each("statements", _signed))


def _signed(found: _Reader) -> Statement:
    return Statement(found.text("text", 4000), found.text("key"), found.text("signature"))


def _audience(found: _Reader) -> str:
    audience = found.text("audience")
    if audience != FLEET and not (audience.startswith("host:") and audience != "host:"):
        raise ValueError(f"{audience} is no audience")
    return audience


def _distinct(halts: tuple[StandingHalt, ...]) -> tuple[StandingHalt, ...]:
    if len({one.id for one in halts}) < len(halts):
        raise ValueError("the order names a halt twice")
    return halts


def _parsed(text: str | bytes) -> Any:
    """Strict JSON: no name twice, no fractions, nothing endless. Raises ValueError."""
    try:
        plain = text if isinstance(text, str) else text.decode()
        if len(plain) > LARGEST:
            raise ValueError(f"it is longer than {LARGEST} characters")
        plain.encode()
        return json.loads(
            plain, object_pairs_hook=_once, parse_float=_refused, parse_constant=_refused
        )
    except RecursionError:
        raise ValueError("it is nested without end") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no whole JSON: {error.msg} at {error.pos}") from None
    except UnicodeError:
        raise ValueError("it holds half a character") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it gives a name twice")
    return found


def _refused(text: str) -> NoReturn:
    _no(f"{text[:20]} is no whole number")


def _no(text: str) -> NoReturn:
    raise ValueError(text)


class _Reader:
    """A JSON object, read name by name; every method raises ValueError."""

    def __init__(self, value: Any, what: str) -> None:
        if not isinstance(value, dict):
            _no(f"{what} is no object")
        self._value, self._what = value, what

    def must_be(self, kind: str) -> None:
        if self._value.get("v") != 1 or self._value.get("kind") != kind:
            raise ValueError(f"{self._what} is of no version and kind that is known here")

    def text(self, name: str, longest: int = 200, *, empty: bool = False) -> str:
        return self._text(self._value.get(name), name, longest, empty=empty)

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self._text(one, name, 200, empty=False) for one in self._list(name))

    def number(self, name: str, least: int, most: int) -> int:
        found = self._value.get(name)
        if type(found) is not int or not least <= found <= most:
            raise ValueError(f"{name} of {self._what} is no number from {least} to {most}")
        return found

    def time(self, name: str) -> datetime:
        try:
            found = datetime.fromisoformat(self.text(name, 40))
            if found.tzinfo is not None:
                return found.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        raise ValueError(f"{name} of {self._what} is no time of UTC")

    def each(self, name: str, read: Callable[[_Reader], T]) -> tuple[T, ...]:
        return tuple(read(_Reader(one, f"an entry of {name}")) for one in self._list(name))

    def _list(self, name: str) -> list[Any]:
        found = self._value.get(name)
        if not isinstance(found, list):
            _no(f"{name} of {self._what} is no list")
        return found

    def _text(self, found: Any, name: str, longest: int, *, empty: bool) -> str:
        if not isinstance(found, str) or len(found) > longest or not (found or empty):
            raise ValueError(f"{name} of {self._what} is no text of at most {longest} characters")
        if _HALF.search(found):
            raise ValueError(f"{name} of {self._what} holds half a character")
        return found
