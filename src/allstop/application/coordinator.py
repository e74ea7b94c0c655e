"""The running coordinator: its parts, and their life together."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

from allstop.application.access import Access
from allstop.application.aside import aside
from allstop.application.command_post import CommandPost, Request
from allstop.application.hosts import Hosts
from allstop.application.hub import Hub
from allstop.application.monitor import Monitor
from allstop.application.ports import Adapters, Clock, Store
from allstop.application.preflight_ground import Progress
from allstop.application.preflight_watch import Look, PreflightWatch
from allstop.application.releases import Releases
from allstop.application.reports import Reports
from allstop.application.runner import Runner
from allstop.application.timekeeper import Timekeeper
from allstop.application.views import Views
from allstop.domain.halt.commands import RegisterAgent
from allstop.domain.policy import Policy
from allstop.domain.principal import COORDINATOR
from allstop.errors import Invalid, Missing, Unavailable

log = structlog.get_logger("allstop.coordinator")


@dataclass(slots=True)
class Coordinator:
    """What faces are given. reload: reads the documents again and returns the new policy's digest.

    home: the project folder; version: of the program; started_at: UTC; background: further tasks
    that live as long as the coordinator (the sealer); audit: verifies the whole log; checks: the
    preflight, None where nothing can be looked at; hosts: that follow standing orders, None where no orders
    are signed; releases: checks what people have signed, None where no release key can be pinned.
    """

    home: Path
    version: str
    started_at: datetime
    post: CommandPost
    store: Store
    hub: Hub
    views: Views
    access: Access
    reports: Reports
    adapters: Adapters
    clock: Clock
    monitor: Monitor
    runner: Runner
    timekeeper: Timekeeper
    read_policy: Callable[[], Policy]
    audit: Callable[[], Awaitable[dict[str, Any]]]
    background: Sequence[Callable[[], Awaitable[None]]] = field(default_factory=tuple)
    checks: PreflightWatch | None = None
    hosts: Hosts | None = None
    releases: Releases | None = None
    _reloading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def sync_roster(self) -> None:
        """Register the roster's agents; those that are known already are left alone."""
        for agent in self.post.book.latest.roster.agents:
            command = RegisterAgent(agent.id, agent.name, agent.team, agent.adapter, agent.options)
            await self.post.do(command, Request(COORDINATOR, "roster"))

    async def reload(self) -> str:
        """Take the documents as they are now for incidents declared from now on. Raises Invalid."""
        # One after the other: what was read first must not be adopted last.
        async with self._reloading:
            try:
                policy = await aside(self.read_policy)
            except Invalid as error:
                self.post.broken = error.text
                kept = f"the last good policy stays in force ({self.post.book.current[:12]}):\n{error.text}"
                raise Invalid(kept, error.hint) from None
            digest = self.post.adopt(policy)
            await self.sync_roster()
        log.info("policy adopted", digest=digest)
        return digest

    async def preflight(self, checks: Sequence[str] = (), services: Sequence[str] = ()) -> Look:
        """Look now, outside of an incident, whether everything is ready. Raises Missing.

        checks: by default those of the protocol; services: only what concerns them.
        """
        return await self._watch().look(checks, services)

    def newest_preflight(self) -> Look:
        """What was found last while nothing was wrong. Raises Missing."""
        look = self._watch().newest
        if look is None:
            raise Missing("nobody has looked since the coordinator started", "allstop preflight")
        return look

    @property
    def has_looked(self) -> bool:
        """Whether there is a newest preflight."""
        return self.checks is not None and self.checks.newest is not None

    def preflight_progress(self) -> Progress:
        """How far the one under way is; nothing of nothing when there is none."""
        progress = self.checks.progress if self.checks is not None else None
        return progress or Progress()

    def _watch(self) -> PreflightWatch:
        if self.checks is None:
            raise Missing("this coordinator makes no checks by itself")
        return self.checks

    async def run(self) -> None:
        """Work until cancelled. A part that dies ends the coordinator: half a coordinator is none."""
        try:
            await self.sync_roster()
        except Unavailable as error:
            # On a full disk halts are still recorded, so a coordinator is worth having.
            log.warning("roster not registered", because=error.text)
        async with asyncio.TaskGroup() as group:
            parts = (self.runner.run, self.timekeeper.run, self.monitor.run, *self.background)
            watching = [one.run for one in (self.checks, self.hosts) if one is not None]
            for part in (*parts, *watching):
                group.create_task(_live(part))


async def _live(part: Callable[[], Awaitable[None]]) -> None:
    await part()
