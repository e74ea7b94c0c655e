"""Where every stream ends, and how drafted entries are linked to those ends.

Both kinds of store use this, so that what counts as "the next version" is decided in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from allstop.application import chain
from allstop.application.ports import Committed, Conflict, EffectState, Finish, StoredRecord, Write
from allstop.domain.record import Record

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
REPLIES_LIVE = timedelta(hours=24)
REFUSALS_KEPT = 10_000
ENDS = (EffectState.PENDING, EffectState.PARKED, EffectState.DONE, EffectState.FAILED)

_NO_OFFSET = timedelta(0)


@dataclass(frozen=True, slots=True)
class Mark:
    """A point the heads can be taken back to."""

    position: int
    changes: int


class Heads:
    """The last version and hash of each stream, and the last position of the log.

    Changes since the last `settle` can be taken back, because a group commit may fail as a whole.
    """

    __slots__ = ("_ends", "_settled", "_trail", "position")

    def __init__(self, position: int = 0, ends: dict[str, tuple[int, str]] | None = None) -> None:
        """ends: version and hash of each stream's newest entry, taken over."""
        self.position = self._settled = position
        self._ends = ends if ends is not None else {}
        self._trail: list[tuple[str, tuple[int, str] | None]] = []

    def end(self, stream: str) -> tuple[int, str]:
        """Version and hash of the newest entry; (0, GENESIS) of a stream that has none."""
        return self._ends.get(stream, (0, chain.GENESIS))

    def link(self, write: Write) -> tuple[StoredRecord, ...]:
        """The drafted entries as they would be stored; changes nothing.

        Raises Conflict when a version is not the next one of its stream, and ValueError for a
        draft that could not be told apart from another one by its hash.
        """
        if len(write.records) != len(write.bodies):
            raise ValueError("a write needs one body for each record")
        own: dict[str, tuple[int, str]] = {}
        linked = []
        for place, (draft, body) in enumerate(zip(write.records, write.bodies, strict=True), 1):
            version, prev = own.get(draft.stream) or self.end(draft.stream)
            if draft.version != version + 1:
                raise Conflict(
                    f"{draft.stream} is at version {version}; "
                    f"the write drafted version {draft.version}"
                )
            entry = _linked(draft, body, self.position + place, prev)
            own[draft.stream] = (entry.version, entry.hash)
            linked.append(entry)
        return tuple(linked)

    def extend(self, entries: tuple[StoredRecord, ...]) -> None:
        """Take entries that `link` made as the new ends."""
        for entry in entries:
            self._trail.append((entry.stream, self._ends.get(entry.stream)))
            self._ends[entry.stream] = (entry.version, entry.hash)
            self.position = entry.position

    def mark(self) -> Mark:
        return Mark(self.position, len(self._trail))

    def back_to(self, mark: Mark) -> None:
        """Forget what was added since the mark."""
        while len(self._trail) > mark.changes:
            stream, before = self._trail.pop()
            if before is None:
                del self._ends[stream]
            else:
                self._ends[stream] = before
        self.position = mark.position

    def rewind(self) -> None:
        """Forget everything since the last `settle`."""
        self.back_to(Mark(self._settled, 0))

    def settle(self) -> None:
        """Everything so far is durable and will not be taken back."""
        self._settled = self.position
        self._trail.clear()


def _linked(draft: Record, body: bytes, position: int, prev: str) -> StoredRecord:
    if draft.at.utcoffset() != _NO_OFFSET:
        raise ValueError(f"{draft.kind}: times in the log are aware and in UTC")
    if any("\n" in text for text in (draft.stream, draft.kind, draft.actor, draft.cause)):
        raise ValueError(f"{draft.kind}: stream, kind, actor and cause are single lines")
    if b"\n" in body:
        raise ValueError(f"{draft.kind}: a canonical body is a single line")
    digest = chain.link(
        prev, draft.stream, draft.version, draft.kind, draft.schema,
        draft.at, draft.actor, draft.cause, body,
    )  # fmt: skip
    return StoredRecord(
        position, draft.stream, draft.version, draft.kind, draft.schema, draft.at,
        draft.actor, draft.cause, body.decode(), prev, digest,
    )  # fmt: skip


def committed(write: Write, entries: tuple[StoredRecord, ...]) -> Committed:
    """What the author of a write gets back: its records with their places and hashes."""
    return Committed(
        tuple(
            Record(
                entry.position, entry.stream, entry.version, entry.kind, entry.schema, entry.at,
                entry.actor, entry.cause, draft.event, entry.prev, entry.hash,
            )
            for draft, entry in zip(write.records, entries, strict=True)
        ),
        write.tag,
    )  # fmt: skip


def written_at(write: Write, otherwise: datetime) -> datetime:
    """When a write was made, as far as it says itself: stores read no clock."""
    if write.records:
        return write.records[-1].at
    if write.refusal is not None:
        return write.refusal.at
    return otherwise


def check_ending(finish: Finish) -> None:
    """Raise ValueError when an attempt cannot end like that."""
    if finish.state not in ENDS:
        raise ValueError(f"an attempt does not end as {finish.state}")
