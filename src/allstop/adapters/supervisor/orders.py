"""Which order was the newest for a program: in a file, or in memory for want of one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.order_file import NewerOrder
from allstop.adapters.mechanisms.order_record import OrderRecord, claim, note, read_record
from allstop.adapters.mechanisms.threads import ThreadPool
from allstop.adapters.supervisor.options import SupervisorOptions

_MOST = 10_000


class Orders:
    """supervisord cannot keep an order's number itself, so it is kept beside it."""

    def __init__(self, threads: ThreadPool) -> None:
        self._threads = threads
        self._memory: dict[tuple[str, str], OrderRecord] = {}

    async def standing(self, options: SupervisorOptions, deadline: Deadline) -> OrderRecord | None:
        """What is known of earlier orders; None without a file: then others may have been forgotten.

        Raises Unreadable, TimeoutError.
        """
        if not options.order_file:
            return None
        path = Path(options.order_file)
        return await self._threads.by(deadline, lambda: read_record(path))

    async def claim(
        self, options: SupervisorOptions, epoch: int, deadline: Deadline, *, ends: bool
    ) -> OrderRecord:
        """Note the order's number; what stood before. Raises NewerOrder, Unreadable, TimeoutError, OSError."""
        if options.order_file:
            path = Path(options.order_file)
            return await self._threads.by(deadline, lambda: claim(path, epoch, deadline, ends=ends))
        key = (options.url, options.process)
        standing = self._memory.pop(key, OrderRecord())
        # Put back at the end: what was used least recently is forgotten first.
        self._memory[key] = OrderRecord(max(epoch, standing.epoch), standing.notes)
        if len(self._memory) > _MOST:
            del self._memory[next(iter(self._memory))]
        if standing.epoch > epoch:
            raise NewerOrder(f"a newer order stands: {standing.epoch}, not {epoch}")
        return standing

    async def note(
        self, options: SupervisorOptions, epoch: int, notes: dict[str, Any], deadline: Deadline
    ) -> None:
        """Add to the notes, unless a newer order has taken over. Raises TimeoutError, OSError."""
        if options.order_file:
            path = Path(options.order_file)
            await self._threads.by(deadline, lambda: note(path, epoch, notes, deadline))
            return
        key = (options.url, options.process)
        standing = self._memory.get(key, OrderRecord())
        if standing.epoch <= epoch:
            self._memory[key] = OrderRecord(epoch, {**standing.notes, **notes})
