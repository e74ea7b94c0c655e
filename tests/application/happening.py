"""Entries in the log without the story that leads to them, for tests of what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from allstop.domain import decide
from allstop.domain.draft import Draft


@dataclass(frozen=True, slots=True)
class Happened:
    """Stands for whatever led to these events on one stream."""

    stream: str
    events: tuple[Any, ...]


def _happen(draft: Draft, command: Happened) -> None:
    for event in command.events:
        draft.emit(command.stream, event)


@contextmanager
def happenings() -> Iterator[None]:
    """While it lasts, `Happened` is a command like any other."""
    decide.RULES[Happened] = _happen
    try:
        yield
    finally:
        del decide.RULES[Happened]
