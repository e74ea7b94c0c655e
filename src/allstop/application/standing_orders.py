"""The standing order of the moment: composed and signed when what stands has changed, and handed to all."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from allstop.application.checkpoints import Signer
from allstop.application.command_post import CommandPost
from allstop.application.hub import Hub
from allstop.application.ports import Clock, Committed, Store
from allstop.domain.halt.order_text import Statement, envelope_text, order_text
from allstop.domain.moment import after
from allstop.domain.record import Record, halt_stream
from allstop.domain.standing_orders import Stands, compose, what_stands

# How long an order may be accepted. Long enough that a clock that is wrong by minutes keeps no halt out.
VALID_MS = 3_600_000
# Orders whose acknowledgement may still come in, by number.
KEPT = 256
_PAGE = 1000

# The kinds of entries that can change what stands. Of answers only those of agents that are held by force.
KINDS = frozenset({
    "halt.ordered", "halt.released", "release.asked", "release.staged", "release.aborted", "agent.registered", "agent.removed", "agent.unaccounted",
    "agent.enforced", "agent.escaped", "severity.classified",
})  # fmt: skip
ANSWERED = "roll_call.answered"


class OrderSigner(Signer, Protocol):
    """Signs orders. public: the public key in hexadecimal, for hosts to pin."""

    @property
    def public(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Issued:
    """One signed order. seq: its number; envelope: as it travels; event: the same as a server-sent event;
    halts, ended: ids of the halts that it says stand, and that it says were released; passes: (agent, halt) of
    those that it lets act."""

    seq: int
    at: datetime
    envelope: bytes
    event: bytes
    halts: tuple[str, ...]
    ended: tuple[str, ...]
    passes: tuple[tuple[str, str], ...]


class StandingOrders:
    """Keeps the order of the moment, and wakes whoever follows when there is a new one.

    A number is the place in the log of what changed; after a restart it may be higher than before, and is
    never lower.
    """

    def __init__(
        self, post: CommandPost, store: Store, hub: Hub, clock: Clock, signer: OrderSigner
    ) -> None:
        """Call it once the log is read back."""
        self._post = post
        self._store = store
        self._clock = clock
        self._signer = signer
        self._stands = what_stands(post.world, post.book)
        self._seq = self._resumed()
        self._recent: OrderedDict[int, Issued] = OrderedDict()
        self._wakers: dict[asyncio.Event, None] = {}
        self._issued = self._issue()
        hub.listen(self._heard)

    @property
    def issuer(self) -> str:
        """Name of the key that signs."""
        return self._signer.key_id

    @property
    def public(self) -> str:
        """The public key, in hexadecimal."""
        return self._signer.public

    def current(self) -> Issued:
        """What stands now, good for at least half of its time."""
        if self._clock.now().utc > self._again_at:  # asked once for each of thousands of watchers
            self._issued = self._issue()
        return self._issued

    def numbered(self, seq: int) -> Issued | None:
        """An order of late, by its number."""
        return self._recent.get(seq)

    def waker(self) -> asyncio.Event:
        """An event that is set by every new order; the holder clears it. Give it back with `forget`."""
        waker = asyncio.Event()
        self._wakers[waker] = None
        return waker

    def forget(self, waker: asyncio.Event) -> None:
        self._wakers.pop(waker, None)

    async def later_than(self, seq: int, within_ms: int) -> Issued:
        """The order of the moment; waits for one with a higher number, and not for ever."""
        waker = self.waker()
        try:
            if self._seq <= seq:
                async with asyncio.timeout(within_ms / 1000):
                    while self._seq <= seq:
                        waker.clear()
                        await waker.wait()
        except TimeoutError:
            pass
        finally:
            self.forget(waker)
        return self.current()

    # --- inside --------------------------------------------------------------------------------

    def _heard(self, batch: Sequence[Committed]) -> None:
        records = [record for one in batch for record in one.records if self._concerns(record)]
        if not records:
            return
        stands = what_stands(self._post.world, self._post.book)
        if stands == self._stands:
            return
        # The order before anything has happened has the number of the first entry: nothing else ever meets.
        self._stands, self._seq = stands, max(self._seq + 1, records[-1].position)
        self._issued = self._issue()
        for waker in self._wakers:
            waker.set()

    def _concerns(self, record: Record) -> bool:
        if record.kind == ANSWERED:
            return record.event.agent in self._stands.frozen
        return record.kind in KINDS

    def _issue(self) -> Issued:
        stands, now = self._stands, self._clock.now().utc
        text = order_text(compose(stands, self.issuer, self._seq, now, VALID_MS))
        sealed = Statement(text, self.issuer, self._signer.sign(text.encode()))
        envelope = envelope_text(sealed).encode()
        self._again_at = after(now, VALID_MS // 2)
        event = b"id: %d\nevent: order\ndata: %b\n\n" % (self._seq, envelope)
        halts = tuple(one.id for one in stands.halts)
        ended = tuple(one.halt for one in stands.released)
        passes = tuple((one.agent, one.halt) for one in stands.passes)
        issued = Issued(self._seq, now, envelope, event, halts, ended, passes)
        self._recent[self._seq] = issued
        if len(self._recent) > KEPT:
            self._recent.popitem(last=False)
        return issued

    def _resumed(self) -> int:
        """A number that no order before this start can have exceeded.

        While something stands, that is the end of the log; otherwise the last release.
        """
        if self._stands != Stands(released=self._stands.released):
            return max(1, self._store.last_position())
        ended = (self._end_of(halt_stream(one.halt)) for one in self._stands.released)
        return max([1, *ended])

    def _end_of(self, stream: str) -> int:
        last = 0
        while page := self._store.records(after=last, limit=_PAGE, stream=stream):
            last = page[-1].position
        return last
