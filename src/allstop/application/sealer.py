"""Chains the whole log and signs where it stands, so that a rewritten history can be told."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from allstop import errors
from allstop.application import chain
from allstop.application.checkpoints import (
    CheckpointExport,
    Signer,
    message,
    read_line,
    write_line,
)
from allstop.application.ports import Checkpoint, Clock, Committed, Store

EVERY_EVENTS = 100
EVERY_MS = 60_000
AT_ONCE = frozenset({"halt.ordered", "halt.released"})

_PAGE = 1000


class Sealer:
    """Seals every 100 events, 60 s after the first unsealed one, and at each halt and release."""

    def __init__(
        self, store: Store, signer: Signer, export: CheckpointExport, clock: Clock
    ) -> None:
        self._store = store
        self._signer = signer
        self._export = export
        self._clock = clock
        self._sealed = 0
        self._chain = chain.GENESIS
        self._unsealed = 0
        self._unexported: list[str] = []
        self._some = asyncio.Event()
        self._urgent = asyncio.Event()
        self._sealing = asyncio.Lock()
        store.on_commit(self._heard)

    def resume(self) -> None:
        """Go on from the last checkpoint of the store. Call once, after the store is open.

        Raises errors.Corrupt when a checkpoint was exported that this log does not contain: then
        an older copy of the database was put back, or the log was changed.
        """
        kept = self._store.checkpoints()
        if kept:
            self._sealed, self._chain = kept[-1].position, kept[-1].chain
        exported = self._last_exported()
        if exported is not None:
            self._compare(exported, kept)
        if kept and (exported is None or exported.position < kept[-1].position):
            # A crash between keeping a checkpoint and exporting it.
            self._unexported.append(write_line(kept[-1]))
        self._count(self._store.last_position() - self._sealed)

    async def run(self) -> None:
        """Seal whenever it is due, until cancelled. An export that fails is tried again."""
        while True:
            await self._some.wait()
            await self._soon()
            try:
                await self.seal()
            except errors.Unavailable:
                # A full disk: the log itself is safe, and what is unsealed stays counted.
                await self._clock.sleep(EVERY_MS)
                self._some.set()

    async def seal(self) -> Checkpoint | None:
        """Sign the log as it stands now; None when nothing was added since the last time.

        Raises errors.Unavailable when it cannot be kept or exported; what was kept is exported
        the next time.
        """
        async with self._sealing:
            self._count(-self._unsealed)
            position, value = self._extended()
            if position == self._sealed:
                self._flush()
                return None
            draft = Checkpoint(position, value, self._clock.now().utc, self._signer.key_id, "")
            checkpoint = replace(draft, signature=self._signer.sign(message(draft)))
            try:
                await self._store.add_checkpoint(checkpoint)
            except BaseException:
                # Whatever ended it, a cancellation too: what is not kept stays counted.
                self._count(position - self._sealed)
                raise
            self._sealed, self._chain = position, value
            self._unexported.append(write_line(checkpoint))
            self._flush()
            return checkpoint

    # --- inside --------------------------------------------------------------------------------

    def _heard(self, news: Sequence[Committed]) -> None:
        for committed in news:
            self._count(len(committed.records))
            if any(record.kind in AT_ONCE for record in committed.records):
                self._urgent.set()

    def _count(self, more: int) -> None:
        self._unsealed += more
        if self._unsealed > 0:
            self._some.set()
            if self._unsealed >= EVERY_EVENTS:
                self._urgent.set()
        else:
            self._some.clear()
            self._urgent.clear()

    async def _soon(self) -> None:
        """Wait for the first of: enough events, a halt or release, enough time."""
        waits = {
            asyncio.ensure_future(self._urgent.wait()),
            asyncio.ensure_future(self._clock.sleep(EVERY_MS)),
        }
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

    def _flush(self) -> None:
        while self._unexported:
            self._export.append(self._unexported[0])
            del self._unexported[0]

    def _extended(self) -> tuple[int, str]:
        return self._chained(self._sealed, self._chain, self._store.last_position())

    def _chained(self, position: int, value: str, end: int) -> tuple[int, str]:
        """The chain taken on from a position to another."""
        while position < end:
            page = self._store.records(after=position, limit=min(_PAGE, end - position))
            if not page:
                break
            for entry in page:
                value = chain.seal(value, entry.position, entry.hash)
                position = entry.position
        return position, value

    def _last_exported(self) -> Checkpoint | None:
        last = None
        for line in self._export.lines():
            try:
                last = read_line(line)
            except ValueError:
                continue  # a line torn by a crash; `allstop audit verify` names it
        return last

    def _compare(self, exported: Checkpoint, kept: Sequence[Checkpoint]) -> None:
        hint = (
            "Put the newest backup copy of the database back, or, if this older one is to be used, "
            "move the exported checkpoints aside and reconcile every open incident by hand; "
            "`allstop audit verify` shows what differs."
        )
        if exported.position > self._store.last_position():
            raise errors.Corrupt(
                f"the log ends at {self._store.last_position()}, but a checkpoint for "
                f"{exported.position} was exported: this is an older copy of the database",
                hint,
            )
        before = (0, chain.GENESIS)
        for each in kept:
            if each.position <= exported.position:
                before = (each.position, each.chain)
        if self._chained(*before, exported.position)[1] != exported.chain:
            raise errors.Corrupt(
                f"the log differs from the checkpoint exported for {exported.position}", hint
            )
