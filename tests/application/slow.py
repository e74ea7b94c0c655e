"""Something that takes as long as a story wants: to tell who waits for whom, without looking at a clock."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field

from allstop.adapters.memory_store import MemoryStore
from allstop.application.ports import RefusalEntry, StoredRecord

# In seconds. After it nobody waits any longer, and the gate says so.
LONGEST = 20


@dataclass
class Gate:
    """held: whoever comes waits until it is let go; late: somebody had to wait too long."""

    held: bool = False
    late: bool = False
    _asked: threading.Event = field(default_factory=threading.Event)
    _let_go: threading.Event = field(default_factory=threading.Event)

    def pass_through(self) -> None:
        """Called by the slow thing, in whatever thread it runs."""
        if self.held:
            self._asked.set()
            self.late = not self._let_go.wait(LONGEST) or self.late

    async def reached(self) -> None:
        """Return when somebody waits at it."""
        assert await asyncio.to_thread(self._asked.wait, LONGEST)

    def let_go(self) -> None:
        self._let_go.set()


class SlowDisk(MemoryStore):
    """A disk from which everything that is long comes slowly."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = Gate()

    def records(self, after: int = 0, limit: int = 1000, stream: str = "") -> list[StoredRecord]:
        self.gate.pass_through()
        return super().records(after, limit, stream)

    def refusals(self, limit: int = 100) -> list[RefusalEntry]:
        self.gate.pass_through()
        return super().refusals(limit)
