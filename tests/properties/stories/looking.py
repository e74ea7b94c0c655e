"""Who looks what is due in a story, as the timekeeper does: when something has happened, and at the
instant at which it was said to look again. Between them it sleeps, and that it may is checked as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allstop.domain.decide import Decided
from allstop.domain.due import Due, due
from allstop.domain.incident.events import NotificationDelivered, NotificationUndeliverable
from allstop.domain.moment import Now
from allstop.domain.policy import PolicyBook
from allstop.domain.world import World

# Every so often a sleeper looks nevertheless, and must find what was said when it went to sleep.
OPEN_EYES = 16
# The most frequent entries; nothing is due because of them, so they wake nobody.
QUIET = (NotificationDelivered, NotificationUndeliverable)


class Broken(Exception):
    """A promise that was seen to be broken while the story was told."""


@dataclass(slots=True)
class Looked:
    """What was due in a world at an instant."""

    world: World
    book: PolicyBook
    now: Now
    found: Due

    def is_now(self, now: Now) -> bool:
        return now is self.now or now == self.now

    def is_asleep(self, now: Now) -> bool:
        """Whether there was nothing to do, and the instant that was named has not come."""
        following = self.found.next_at
        early = following is None or now.utc < following
        return not self.found.commands and self.now.utc <= now.utc and early


class Lookout:
    """Asks once for one world, until the instant at which it is to look again."""

    def __init__(self) -> None:
        self._last: Looked | None = None
        self._slept = 0

    def due(self, world: World, book: PolicyBook, now: Now) -> Due:
        """What is due. Raises Broken when sleeping would have missed something."""
        last = self._last
        if last is not None and last.world is world and last.book is book:
            if last.is_now(now):
                return last.found
            if last.is_asleep(now):
                last.now = now
                self._slept += 1
                if self._slept % OPEN_EYES == 0:
                    _look_early(last)
                return last.found
        found = due(world, book, now)
        self._last = Looked(world, book, now, found)
        return found

    def happened(self, before: World, decided: Decided) -> None:
        """Something was recorded: who sleeps goes on sleeping when it was of the quiet sort."""
        last = self._last
        if (
            last is not None
            and last.world is before
            and not last.found.commands
            and all(isinstance(record.event, QUIET) for record in decided.records)
        ):
            last.world = decided.world


def _look_early(asleep: Looked) -> None:
    said, found = asleep.found, due(asleep.world, asleep.book, asleep.now)
    if found.commands or found.next_at != said.next_at:
        what: Any = next(iter(found.commands), found.next_at)
        raise Broken(f"due: {what} before the instant that was named, {said.next_at}")
