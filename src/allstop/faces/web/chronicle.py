"""Timelines that grow: each entry of the log is read once, however long an incident lasts."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

from allstop.application.coordinator import Coordinator
from allstop.application.shapes import Entry
from allstop.application.streams import streams_of

KEPT = 8
BATCH = 1000


@dataclass(slots=True)
class _Known:
    """upto: the last position of the log that was looked at."""

    streams: frozenset[str]
    upto: int
    entries: list[Entry]


class Chronicle:
    """The timelines of the incidents that are being looked at, everything included.

    They are kept whole and shared: whether somebody may see an incident is asked before its page is made.
    The first look reads a whole log, so it is for a thread; several take turns.
    """

    def __init__(self, coordinator: Coordinator) -> None:
        self._coordinator = coordinator
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._turn = Lock()

    def timeline(self, incident: str) -> list[Entry]:
        """All entries as they were written, oldest first. Raises Missing for an unknown incident."""
        with self._turn:
            return list(self._grown(incident).entries)

    def _grown(self, incident: str) -> _Known:
        last = self._coordinator.store.last_position()
        streams = frozenset(streams_of(self._coordinator.post.world, incident))
        known = self._known.get(incident)
        if known is None or known.streams != streams:
            # A new halt or plan may have entries at positions that were passed before it was known.
            found = self._coordinator.views.timeline(incident, everything=True)
            # What was written since `last` was read comes again with the next batch.
            entries = [entry for entry in found if entry.position <= last]
            known = _Known(streams, last, entries)
            self._known[incident] = known
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        self._known.move_to_end(incident)
        self._read_on(known)
        return known

    def _read_on(self, known: _Known) -> None:
        while batch := self._coordinator.views.log(known.upto, BATCH):
            known.entries += [entry for entry in batch if entry.stream in known.streams]
            known.upto = batch[-1].position
