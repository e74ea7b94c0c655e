"""What a check is given: the log, and whatever else is known about how it came to be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from allstop.application.ports import StoredRecord
from allstop.domain.policy import PolicyBook
from allstop.domain.principal import Principal
from allstop.domain.record import Record
from allstop.domain.world import World, evolve
from allstop.testing.journal import Journal


@dataclass(frozen=True, slots=True)
class Violation:
    """invariant: its id; what: one sentence; where: entry, effect or request."""

    invariant: str
    what: str
    where: str = ""

    def __str__(self) -> str:
        return f"{self.invariant}: {self.what} ({self.where})"


@dataclass(frozen=True, slots=True)
class Moment:
    """One entry with the worlds around it."""

    record: Record
    before: World
    after: World

    @property
    def id(self) -> str:
        """What the entry's stream is about: `INC-1`, `PLAN-2`."""
        return self.record.stream.partition("/")[2]

    def __str__(self) -> str:
        return f"{self.record.position} {self.record.stream} {self.record.kind}"


@dataclass(frozen=True, slots=True)
class Turn:
    """A command that was accepted, and the entries it led to."""

    command: Any
    who: Principal
    records: tuple[Record, ...]


@dataclass(slots=True)
class Trace:
    """One run. live: the state its program held at the end; stored: entries as stored, for the chain;
    effects: id to state of the outbox; journal: what really happened; turns: the entries by the command
    that led to them; gaps: when nobody looked at the clock, or it was set. None: not known.
    folded: the entries with the worlds around them, where somebody has folded them already."""

    records: tuple[Record, ...]
    book: PolicyBook
    live: World | None = None
    stored: tuple[StoredRecord, ...] | None = None
    effects: dict[str, str] | None = None
    journal: Journal | None = None
    turns: tuple[Turn, ...] | None = None
    gaps: tuple[tuple[datetime, datetime], ...] | None = None
    folded: list[Moment] = field(default_factory=list)
    _places: dict[type, list[int]] = field(default_factory=dict)

    def moments(self) -> list[Moment]:
        """The log entry by entry; folded once."""
        if not self.folded:
            self.folded.extend(_folded(self.records))
        return self.folded

    def moments_of(self, *kinds: type) -> Iterator[Moment]:
        """The entries whose event is of one of these classes, in their order."""
        moments = self.moments()
        if not self._places:
            for place, moment in enumerate(moments):
                self._places.setdefault(type(moment.record.event), []).append(place)
        mine = [places for kind, places in self._places.items() if issubclass(kind, kinds)]
        for place in sorted(place for places in mine for place in places):
            yield moments[place]

    @property
    def end(self) -> World:
        """The state the log leads to."""
        moments = self.moments()
        return moments[-1].after if moments else World()


def _folded(records: tuple[Record, ...]) -> Iterator[Moment]:
    world = World()
    for record in records:
        after = evolve(world, record)
        yield Moment(record, world, after)
        world = after
