"""Sentences of the timeline for levers that are pulled, and for circuits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from allstop.domain.fleet.circuits import circuit_name
from allstop.domain.moment import time_words
from allstop.domain.plan import lever_events as e

_BLOCKED = {
    "protected": "its service is protected",
    "stopped": "a plan has stopped its service",
    "busy": "another plan works on its service",
    "preflight": "the preflight has not passed",
}


def _named(event: Any) -> str:
    return f"{event.service}:{event.lever}"


def _circuit(event: Any) -> str:
    return circuit_name(event.service, event.via, event.watches)


def _clock(at: datetime) -> str:
    return f"{at:%H:%M:%S} UTC"


def _asked(event: e.LeverAsked) -> str:
    who = ", ".join(event.people) or "nobody"
    return f"{_named(event)} ends at {_clock(event.until)} unless somebody extends it; asked: {who}"


def _expired(event: e.LeverExpired) -> str:
    if event.plan:
        return f"The time of {_named(event)} is over, {event.plan} takes it back"
    why = event.because or _BLOCKED.get(event.blocked, event.blocked)
    return f"The time of {_named(event)} is over, and it STAYS PULLED: {why}"


def _overdue(event: e.LeverOverdue) -> str:
    who = ", ".join(event.people) or "nobody"
    return f"{_named(event)} is still OVERDUE (said {event.number} times), told: {who}"


def _opened(event: e.CircuitOpened) -> str:
    what = "its fallback is pulled" if event.watches else "no calls are made"
    until = _clock(event.until)
    return f"Circuit {_circuit(event)} OPEN, {what}, tried again at {until}: {event.because}"


LEVER_SENTENCES: dict[type, Callable[[Any], str]] = {
    e.LeverAsked: _asked,
    e.LeverExtended: lambda one: (
        f"{_named(one)} stays until {time_words(one.until)}: {one.because}"
    ),
    e.LeverExpired: _expired,
    e.LeverOverdue: _overdue,
    e.CircuitOpened: _opened,
    e.CircuitHalfOpened: lambda one: f"Circuit {_circuit(one)} is tried again",
    e.CircuitClosed: lambda one: f"Circuit {_circuit(one)} closed: {one.because}",
    e.CircuitForced: lambda one: f"Circuit {_circuit(one)} is {one.state} by hand: {one.because}",
}
