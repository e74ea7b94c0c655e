"""From what a host has accepted to the lines gates read: scopes resolved for this machine, times turned into its seconds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from allstop.domain.halt.order_text import Pass as OrderPass
from allstop.domain.halt.order_text import StandingHalt as Ordered
from allstop.domain.halt.standing_order import Known
from allstop.gate.state_file import NONE, Pass, StandingHalt, State, is_scope, render

_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


@dataclass(frozen=True, slots=True)
class Place:
    """This machine: its name, the work trees known on it by the name of their repository, its boot, and now."""

    host: str
    folders: dict[str, tuple[str, ...]]
    boot: str
    seconds: float
    now: datetime
    unknown_covered: bool = True
    lease_closed: bool = False


def state_of(known: Known, local: Iterable[Ordered], place: Place) -> tuple[str, State]:
    """The text of the state file, and what it says.

    A halt that cannot be said in a state file (an odd name) is widened to everybody rather than left out.
    """
    standing = (*known.halts, *local)
    halts = tuple(_line(one, scope) for one in standing for scope in _scopes(one.scope, place))
    passes = tuple(_pass(one, place) for one in known.passes if _WORD.fullmatch(one.session))
    state = State(known.seq, place.boot, place.unknown_covered, place.lease_closed, halts, passes)
    return render(state), state


def _scopes(scope: str, place: Place) -> tuple[str, ...]:
    """The scopes on this machine that a scope of the fleet comes to: none when it is about another."""
    kind, _, name = scope.partition(":")
    if kind == "host":
        return ("all",) if name == place.host else ()
    if kind == "repository" and name.startswith("/"):
        return (f"repository:{name.rstrip('/') or '/'}",)
    if kind == "repository":
        return tuple(f"repository:{folder}" for folder in place.folders.get(name, ()))
    return (scope,)


def _line(one: Ordered, scope: str) -> StandingHalt:
    return StandingHalt(
        _word(one.id) or "HALT",
        _word(one.incident) or NONE,
        _word(one.severity) or NONE,
        one.classes,
        scope if is_scope(scope) else "all",
    )


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.:-]", "-", text)[:64]


def _pass(one: OrderPass, place: Place) -> Pass:
    left = (one.until - place.now).total_seconds()
    return Pass(one.session, max(0, int(place.seconds + left)), one.classes, _word(one.halt))
