"""Sentences of the timeline for hosts, and for what a halt blocks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allstop.domain.halt import host_events as e
from allstop.domain.halt.scope import DEFAULT
from allstop.domain.moment import words

NAMED = 5


def ordered(event: Any) -> str:
    """`ALL-STOP HALT-1: team:builders, 2 agents, tools write and exec; bad migration`."""
    classes = tuple(event.classes)
    tools = "" if classes == DEFAULT else f", tools blocked: {' and '.join(classes)}"
    count = len(event.agents)
    return f"ALL-STOP {event.halt}: {event.scope}, {count} agents{tools}; {event.reason}"


def asked(event: Any) -> str:
    """`Release asked for: it is over; signed with 0123456789abcdef`."""
    signed = f"; signed with {', '.join(event.keys)}" if event.keys else ""
    return f"Release asked for: {event.reason}{signed}"


def staged(event: Any) -> str:
    """`Release, canary: builder-1 may go on; it is over`."""
    may = "may read" if tuple(event.classes) == ("read",) else "may go on"
    more = f" and {len(event.agents) - NAMED} more" if len(event.agents) > NAMED else ""
    return f"Release, {event.stage}: {', '.join(event.agents[:NAMED])}{more} {may}; {event.reason}"


def _reached(event: e.HostReached) -> str:
    more = f" and {len(event.hosts) - NAMED} more" if len(event.hosts) > NAMED else ""
    return f"Order {event.seq} holds on {', '.join(event.hosts[:NAMED])}{more}"


def _refused(event: e.HostRefused) -> str:
    which = f"order {event.seq}" if event.seq else "an order"
    return f"Host {event.host} REFUSED {which} ({event.code}): {event.because}"


HOST_SENTENCES: dict[type, Callable[[Any], str]] = {
    e.HostEnrolled: lambda event: f"Host {event.host} enrolled",
    e.HostReached: _reached,
    e.HostRefused: _refused,
    e.HostLost: lambda event: (
        f"Host {event.host} LOST: not heard for {words(event.silent_ms)}; what stood on it stands"
    ),
}
