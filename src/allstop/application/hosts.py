"""The hosts: who is enrolled, how far each has come, and when each was heard last."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from allstop.application.access import Access
from allstop.application.command_post import CommandPost, Request, refused
from allstop.application.ports import Clock
from allstop.application.standing_orders import StandingOrders
from allstop.domain.deciding.hosts import is_news, questions, told_by
from allstop.domain.halt import host_commands as c
from allstop.domain.halt.hosts import Host
from allstop.domain.principal import HOSTS, host_principal
from allstop.domain.verdict import Verdict, nearest
from allstop.errors import Missing, Unavailable

# A host says at least so often that it is there; when it has missed two, it is lost.
LIFE_SIGN_MS = 60_000
LOST_AFTER_MS = 150_000
LOOK_MS = 5_000


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What a host acknowledges. seq: the highest number it has accepted; agents: that run on it."""

    seq: int
    refused: tuple[c.RefusedOrder, ...] = ()
    frozen: tuple[c.FrozenAgent, ...] = ()
    checked: tuple[c.CheckedAgent, ...] = ()
    agents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefusalLine:
    """seq: the order's number, 0 where it had none."""

    seq: int
    code: str
    because: str
    at: datetime


@dataclass(frozen=True, slots=True)
class HostLine:
    """state: current (it holds the order of the moment) | behind | new (it has none yet) | lost;

    seq: number of the newest order it has accepted; wanted: of the order of the moment; heard_at: since the
    coordinator started, null for never; following: how many streams it has open; agents: registered on it;
    refused: of late, the newest last.
    """

    host: str
    state: str
    seq: int
    wanted: int
    heard_at: datetime | None
    following: int
    agents: tuple[str, ...]
    refused: tuple[RefusalLine, ...]
    enrolled_at: datetime
    enrolled_by: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A host's token, which is shown this once. issuer: name of the key whose orders it is to accept."""

    host: str
    token: str
    issuer: str


@dataclass(slots=True)
class _Contact:
    heard_ms: int
    heard_at: datetime | None = None
    following: int = 0


class Hosts:
    """Takes acknowledgements; thousands at once are recorded together.

    Only changes are recorded. When a host was heard last is known since the coordinator started.
    """

    def __init__(
        self, post: CommandPost, orders: StandingOrders, access: Access, clock: Clock
    ) -> None:
        self._post = post
        self.orders = orders
        self._access = access
        self._clock = clock
        self._began_ms = clock.now().monotonic_ms
        self._contacts: dict[str, _Contact] = {}
        self._waiting: dict[asyncio.Future[None], c.Reach] = {}
        self._recording = asyncio.Lock()

    async def enrol(self, host: str, request: Request) -> Enrolled:
        """Give a host a token of its own; the one it had before ends. Raises Refused."""
        await self._post.do(c.EnrolHost(host), request)
        await self._access.revoke(str(host_principal(host)))
        return Enrolled(host, await self._access.host_token(host), self.orders.issuer)

    def lines(self) -> tuple[HostLine, ...]:
        """All hosts, by name."""
        agents: dict[str, list[str]] = {}
        for agent in self._post.world.agents.values():
            agents.setdefault(agent.host, []).append(agent.id)
        known = sorted(self._post.world.hosts.values(), key=lambda host: host.name)
        return tuple(self._line(host, tuple(agents.get(host.name, ()))) for host in known)

    def heard(self, host: str) -> None:
        """A host has asked for something."""
        now = self._clock.now()
        contact = self._contact(host)
        contact.heard_ms, contact.heard_at = now.monotonic_ms, now.utc

    @contextmanager
    def following(self, host: str) -> Iterator[None]:
        """A host has a stream of orders open."""
        self.heard(host)
        contact = self._contact(host)
        contact.following += 1
        try:
            yield
        finally:
            contact.following -= 1

    async def acknowledge(self, host: str, said: Acknowledged, request: Request) -> int:
        """Take what a host says; returns the number it should have, once everything is recorded.

        Raises Missing for a host that is not enrolled, Refused for whoever is not that host.
        """
        if host not in self._post.world.hosts:
            raise Missing(f"there is no host {host}", nearest(host, self._post.world.hosts))
        if request.who.host != host:
            raise refused(
                Verdict.no("not-yours", f"{request.who} may not report for the host {host}")
            )
        self.heard(host)
        refusals = (*said.refused, *self._ahead(said.seq))
        if refusals or said.frozen or said.checked:
            await self._post.do(c.ReportHost(host, refusals, said.frozen, said.checked), request)
        issued = self.orders.numbered(said.seq)
        seq = said.seq if not self._ahead(said.seq) else 0
        reach = c.Reach(host, seq, said.agents)
        if issued is not None:
            mine = tuple(one for one in issued.passes if one[0] in said.agents)
            reach = c.Reach(host, seq, said.agents, issued.halts, issued.ended, mine)
        world = self._post.world
        if is_news(world, reach) or next(told_by(world, reach), None) is not None:
            await self._record(reach)
        return self.orders.current().seq

    def questions(self, host: str) -> tuple[c.Question, ...]:
        """What a host is to look at: answers to roll calls of the agents on it."""
        return questions(self._post.world, host)

    async def run(self) -> None:
        """Notice hosts that are not heard any more, until cancelled."""
        while True:
            await self._clock.sleep(LOOK_MS)
            # On a full disk it is noticed again the next time.
            with suppress(Unavailable):
                await self.look()

    async def look(self) -> None:
        """Record hosts that have been silent for too long."""
        now = self._clock.now().monotonic_ms
        for host in tuple(self._post.world.hosts.values()):
            silent = now - self._contact(host.name).heard_ms
            if host.lost_at is None and silent > LOST_AFTER_MS:
                await self._post.do(c.LoseHost(host.name, silent), Request(HOSTS, "hosts"))

    # --- inside --------------------------------------------------------------------------------

    def _ahead(self, seq: int) -> tuple[c.RefusedOrder, ...]:
        """A host that holds an order this log has never given: an older copy of the log was put back."""
        wanted = self.orders.current().seq
        if seq <= wanted:
            return ()
        text = f"it holds order {seq}, and this log has come to {wanted}: it takes nothing older"
        return (c.RefusedOrder(seq, "ahead", text),)

    async def _record(self, reach: c.Reach) -> None:
        """Record together with all who wait: whoever gets the turn takes the others along."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[done] = reach
        async with self._recording:
            if done.done():
                return
            taken, self._waiting = self._waiting, {}
            try:
                command = c.RecordReached(tuple(taken.values()))
                await self._post.do(command, Request(HOSTS, "hosts"))
            except BaseException:
                # Each of the others tries for itself, and hears what came of its own attempt.
                del taken[done]
                self._waiting = {**taken, **self._waiting}
                raise
            for each in taken:
                each.set_result(None)

    def _contact(self, host: str) -> _Contact:
        return self._contacts.setdefault(host, _Contact(self._began_ms))

    def _line(self, host: Host, agents: tuple[str, ...]) -> HostLine:
        contact, wanted = self._contact(host.name), self.orders.current().seq
        refusals = tuple(
            RefusalLine(one.seq, one.code, one.because, one.at) for one in host.refused
        )
        return HostLine(
            host.name, _state(host, wanted), host.seq, wanted, contact.heard_at, contact.following, agents,
            refusals, host.enrolled_at, host.enrolled_by,
        )  # fmt: skip


def _state(host: Host, wanted: int) -> str:
    if host.lost_at is not None:
        return "lost"
    if host.seq == 0:
        return "new"
    return "current" if host.seq >= wanted else "behind"
