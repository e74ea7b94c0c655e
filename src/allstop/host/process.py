"""The host process: follows orders, keeps the state file, freezes who is to be frozen, and says how far it is."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from datetime import datetime
from typing import Any

import httpx
import structlog

from allstop.domain.effects import Ending, Outcome
from allstop.domain.halt.order_text import Statement
from allstop.errors import Invalid
from allstop.gate.decision import Caller, covers
from allstop.host import uptime
from allstop.host.client_lists import ClientLists
from allstop.host.door import Door, Peer
from allstop.host.held import Held, Here, inside_a_group
from allstop.host.keeper import Keeper, Turned
from allstop.host.keys import Keys
from allstop.host.lease import Lease
from allstop.host.sessions import Sessions
from allstop.host.settings import HostSettings
from allstop.host.spool import Receipt, Spool
from allstop.host.stream import OrderStream, acknowledge

log = structlog.get_logger("allstop.host")

LOOK_AT_SPOOL_S = 1.0
ACKNOWLEDGE_AGAIN_S = 5.0
LIFE_SIGN_S = 30.0


class Host:
    """One machine's host process. now: UTC."""

    def __init__(self, settings: HostSettings, now: Callable[[], datetime]) -> None:
        self._settings = settings
        self._now = now
        self._held = Held(settings.folder, _no_body)
        self.keeper = Keeper(settings, Keys.of(settings.keys), now, self._held.folders)
        self._spool = Spool(settings.folder)
        self._lease = Lease(settings)
        self._door = Door(settings.socket, self._ask, self._do)
        self._client = httpx.AsyncClient(
            base_url=settings.coordinator, headers={"Authorization": f"Bearer {settings.token}"}
        )
        self._stream = OrderStream(
            self._client, lambda: self.keeper.seq, self._line, self._lease.renewed
        )
        self._fault = "has not been reached yet"
        self._moved = asyncio.Event()
        self._moved.set()  # what stood before this start is followed at once
        self._settled = 0
        self._changed = asyncio.Event()
        self._receipts: dict[str, int] = {}
        self._sessions = Sessions()
        self._clients = ClientLists()
        self._frozen: dict[str, Outcome] = {}
        self._checked: list[dict[str, object]] = []
        self._reported: dict[str, object] = {}
        self._reported_at = 0.0

    async def run(self) -> None:
        """Work until told to stop. Raises Unavailable when another process serves this folder."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        self._spool.prepare()
        await self._door.start()
        log.info("host started", host=self._settings.name, seq=self.keeper.seq)
        try:
            async with asyncio.TaskGroup() as tasks:
                for work in (
                    self._follow(),
                    self._settle(),
                    self._report(),
                    self._read_spool(),
                    self._lease.keep(),
                ):
                    tasks.create_task(_until(stop, work))
        finally:
            await self._door.stop()
            await self._client.aclose()

    # --- orders ---

    async def _follow(self) -> None:
        async with contextlib.aclosing(self._stream.envelopes()) as envelopes:
            async for envelope in envelopes:
                taken = self.keeper.take(envelope)
                if taken is not None and (taken.added or taken.ended):
                    seq = self.keeper.seq
                    log.info("standing order", seq=seq, added=taken.added, ended=taken.ended)
                self._moved.set()

    def _line(self, fault: str) -> None:
        if fault and not self._fault:
            log.warning("coordinator lost", because=fault)
        elif not fault:
            log.info("coordinator reached")
        self._fault = fault

    async def _settle(self) -> None:
        """Freeze and wake agents as the order of the moment says. Never waits for a coordinator that is slow to listen."""
        while True:
            await _set_within(self._moved, ACKNOWLEDGE_AGAIN_S)
            known = self.keeper.kept.known
            self._frozen = await self._held.follow(known.frozen, self._covered, known.seq)
            self._settled = known.seq
            self._changed.set()

    async def _report(self) -> None:
        """Say what was done: at once when something changed, again until it was heard, and now and then as a sign of life."""
        while True:
            await _set_within(self._changed, ACKNOWLEDGE_AGAIN_S)
            turned = tuple(self.keeper.unreported)
            said = self._said(turned)
            silent = uptime.seconds() - self._reported_at
            # While somebody is held, whether its answer is true may be asked at any moment.
            often = ACKNOWLEDGE_AGAIN_S / 2 if self.keeper.halts else LIFE_SIGN_S
            if said == self._reported and not turned and silent < often:
                continue
            fault, asked = await acknowledge(self._client, self._settings.name, said)
            if fault:
                log.warning("not heard", because=fault)
                continue
            for _ in turned:
                self.keeper.unreported.popleft()
            self._checked = [await self._held.check(one) for one in asked]
            if self._checked:
                self._moved.set()  # who is taken at its word is first held, strays and all
            self._reported = said | {"refused": [], "checked": []}
            self._reported_at = uptime.seconds()

    def _said(self, turned: tuple[Turned, ...]) -> dict[str, object]:
        """The acknowledgement, as the coordinator's API has it."""
        # Whoever was taken at its word is confirmed, and not enforced unless that was asked for.
        by_word = self._held.at_word - set(self.keeper.kept.known.frozen)
        frozen = [
            {
                "agent": agent,
                "processes": int(outcome.facts.get("processes", 0) or 0),
                "evidence": outcome.because,
            }
            for agent, outcome in sorted(self._frozen.items())
            if outcome.ending is Ending.DONE and agent not in by_word
        ]
        return {
            # Not before it is carried out: who reads that an agent goes on must find it awake.
            "seq": self._settled,
            "refused": [
                {"seq": self.keeper.seq, "code": one.code, "because": one.because[:200]}
                for one in turned
            ],
            "frozen": frozen,
            "checked": self._checked,
            "agents": sorted(self._held.agents),
        }

    async def _read_spool(self) -> None:
        while True:
            for found in self._spool.news():
                self._sessions.take(found)
                if isinstance(found, Receipt):
                    self._receipts[found.halt] = self._receipts.get(found.halt, 0) + 1
            await asyncio.sleep(LOOK_AT_SPOOL_S)

    def _covered(self, one: Here) -> bool:
        """Whether a halt that stands here takes in an agent, and has let it go for nothing yet."""
        caller = Caller(
            agent=one.agent, team=one.team, folders=(one.worktree,) if one.worktree else ()
        )
        state = self.keeper.state
        passed = {two.halt for two in self.keeper.kept.known.passes if two.agent == one.agent}
        return any(
            covers(state, halt.scope, caller) and halt.id not in passed for halt in state.halts
        )

    # --- the door ---

    async def _ask(self, what: str, body: dict[str, Any], peer: Peer) -> dict[str, Any]:  # noqa: ARG002
        if what != "status":
            raise Invalid(f"there is nothing to ask about {what[:40]}", "status")
        if body.get("sessions") is True:
            return self._status() | await self._seen()
        return self._status()

    def _status(self) -> dict[str, Any]:
        state = self.keeper.state
        return {
            "host": self._settings.name,
            "coordinator": self._settings.coordinator,
            "connected": not self._fault,
            "fault": self._fault,
            "seq": self.keeper.seq,
            "folder": str(self._settings.folder),
            "halts": [
                {
                    "id": one.id, "incident": one.incident, "severity": one.severity,
                    "classes": list(one.classes), "scope": one.scope,
                    "refused_calls": self._receipts.get(one.id, 0),
                }
                for one in state.halts
            ],
            "passes": len(state.passes),
            "lease": self._lease.words(),
            "agents": [
                {"agent": one.agent, "team": one.team, "worktree": one.worktree, "group": one.options.get("cgroup", "")}
                for one in self._held.agents.values()
            ],
            "frozen": [
                {"agent": agent, "done": one.ending is Ending.DONE, "evidence": one.because}
                for agent, one in sorted(self._frozen.items())
            ],
            "refused": [
                {"at": one.at.isoformat(), "code": one.code, "because": one.because}
                for one in self.keeper.refused
            ],
            "garbled_receipts": self._spool.garbled,
            "floods_of_receipts": self._spool.floods,
        }  # fmt: skip

    async def _seen(self) -> dict[str, Any]:
        """The sessions on this machine: those the gate heard of, and those that clients list themselves."""
        own = os.geteuid()
        uids = {own} if own else {one.uid for one in self._held.agents.values()}
        listed = await self._clients.running(uids, uptime.seconds())
        return {
            "sessions": self._sessions.seen(uptime.seconds(), listed, self._held.agent_of),
            "forgotten": self._sessions.forgotten,
        }

    async def _do(self, what: str, body: dict[str, Any], peer: Peer) -> dict[str, Any]:
        match what:
            case "halt":
                classes = tuple(str(one) for one in body.get("classes") or ())
                by = f"uid {peer.uid}"
                signed = body.get("signed")
                halt = (
                    self.keeper.order_here(str(body.get("scope", "all")), classes, by)
                    if signed is None
                    else self.keeper.take_signed(_statement(signed))
                )
                log.warning("halt ordered here", halt=halt, by=by)
                return {"halt": halt}
            case "lift":
                statements = tuple(_statement(one) for one in body.get("statements") or ())
                as_root = peer.uid == 0 and not inside_a_group(peer.pid)
                self.keeper.lift_here(
                    str(body.get("halt", "")), as_root=as_root, statements=statements
                )
                log.warning("halt lifted here", halt=body.get("halt"), by=f"uid {peer.uid}")
                return {"lifted": body.get("halt")}
            case "enter":
                one = self._held.enter(body, peer, self._covered)
                self.keeper.rewrite()  # a repository may be known by name only now
                self._moved.set()
                return {"options": one.options, "host": self._settings.name}
            case _:
                raise Invalid(f"{what[:40]} is nothing that can be done here", "halt, lift, enter")


def _statement(found: Any) -> Statement:
    if not isinstance(found, dict):
        raise Invalid("a statement has a text, a key and a signature", "")
    return Statement(*(str(found.get(name, "")) for name in ("text", "key", "signature")))


def _no_body(body: bytes) -> str:  # noqa: ARG001 - a host keeps no evidence of its own
    return ""


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    """Return when it is set, and clear it; or after so many seconds."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()


async def _until(stop: asyncio.Event, work: Any) -> None:
    """Work until the signal to stop; whatever ends it by itself ends the process."""
    task = asyncio.ensure_future(work)
    waiting = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
    finally:
        for one in (task, waiting):
            one.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await one
