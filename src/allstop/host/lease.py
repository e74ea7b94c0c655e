"""The lease: for machines on which nothing shall run while the coordinator cannot be heard. Opted into; open by default."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from allstop.gate.state_file import Lease as Line
from allstop.gate.state_file import render_lease
from allstop.host import uptime
from allstop.host.settings import HostSettings

log = structlog.get_logger("allstop.host")

FILE = "lease"
RENEW_S = 5.0


class Lease:
    """Renewed whenever the coordinator is heard; past half of it without, people are alerted.

    pause: waits so many seconds.
    """

    def __init__(
        self, settings: HostSettings, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._settings = settings
        self._pause = pause
        self._path = settings.folder / FILE
        self._heard = uptime.seconds()
        self._alerted = False

    @property
    def closed(self) -> bool:
        return self._settings.lease == "closed"

    def renewed(self) -> None:
        """The coordinator was heard just now."""
        self._heard = uptime.seconds()

    async def keep(self) -> None:
        """Renew it for ever, or remove it where none is wanted."""
        if not self.closed:
            self._path.unlink(missing_ok=True)
        while True:
            if self.closed:
                self._write()
                await self._alert()
            await self._pause(RENEW_S)

    def words(self) -> dict[str, object]:
        """For a status: the policy, and the seconds that are left of a closed lease."""
        left = round(self._until() - uptime.seconds())
        return {
            "policy": self._settings.lease,
            "seconds_left": max(0, left) if self.closed else None,
        }

    def _until(self) -> float:
        return self._heard + self._settings.lease_s

    def _write(self) -> None:
        """Not synced: a lease that a power cut swallows is one that has run out, which is the safe side."""
        text = render_lease(Line(uptime.boot(), int(self._until())))
        draft = self._path.with_name(f".{FILE}.new")
        draft.write_text(text, "ascii")
        Path(draft).replace(self._path)

    async def _alert(self) -> None:
        """Once, when half of it has gone by without the coordinator; again only after it was heard in between."""
        silent = uptime.seconds() - self._heard
        if silent < self._settings.lease_s / 2:
            self._alerted = False
            return
        if self._alerted:
            return
        self._alerted = True
        left = max(0, round(self._settings.lease_s - silent))
        log.error("coordinator silent", lease_seconds_left=left)
        if self._settings.alert:
            sentence = f"Allstop host {self._settings.name}: the coordinator is silent, agents stop in {left} s"
            await _run((*self._settings.alert, sentence))


async def _run(command: tuple[str, ...]) -> None:
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
        )
    except OSError as error:
        log.warning("the alert could not be given", because=str(error))
        return
    try:
        async with asyncio.timeout(RENEW_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
