"""The agents that were started on this machine (`allstop run`), and those of them whose processes an order stops."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from allstop.adapters.agent_process import AgentProcess
from allstop.adapters.agent_process.options import in_thread
from allstop.adapters.mechanisms.cgroups import (
    PARENT,
    Group,
    NoGroup,
    group_at,
    group_name,
    make_group,
)
from allstop.adapters.mechanisms.deadline import Deadline
from allstop.adapters.mechanisms.files import replace as put
from allstop.adapters.mechanisms.freezing import ReadBack
from allstop.adapters.mechanisms.process_tree import parent_of
from allstop.application.ports import BlobSink
from allstop.domain.effects import Effect, Ending, Lane, Outcome, Purpose, done, failed
from allstop.domain.halt.host_commands import Question
from allstop.errors import Invalid, Refused
from allstop.host.door import Peer
from allstop.host.settings import NAME

FILE = "agents.json"
_TIMEOUT_MS = 5000
_AT_ONCE_MS = 20
_MOST = 1000
_LONGEST = 1000
# Of an agent that was here and has ended nothing can run: that is as good as frozen, and said as it is.
_NOT_YET = failed("it is frozen, and was not read back yet")
_GONE = done("it has ended: no process of it is left", {"processes": 0})


@dataclass(frozen=True, slots=True)
class Here:
    """An agent on this machine. runtime: its client, or empty; uid: whose it is; options: how it is reached, as of the adapter `agent-process`."""

    agent: str
    team: str
    runtime: str
    worktree: str
    uid: int
    options: dict[str, Any]


class Held:
    """Knows the agents of this machine, and freezes or wakes them until each is as the order says."""

    def __init__(self, folder: Path, blobs: BlobSink) -> None:
        self._path = folder / FILE
        self._blobs = blobs
        self._adapter = AgentProcess()
        self.agents, self._ended = _read(self._path)
        # Who stays frozen until no halt takes it in: it came under one, was found so at the start, or was taken at its word.
        self._staying = {
            agent for agent, one in self.agents.items()
            if (group := _group(one)) is not None and group.frozen()
        }  # fmt: skip
        self._frozen = dict.fromkeys(self._staying, _NOT_YET)
        self.at_word: set[str] = set()
        # Two who freeze and wake at the same time would each believe of the other's agents what is no longer so.
        self._turn = asyncio.Lock()

    def folders(self) -> dict[str, tuple[str, ...]]:
        """The work trees on this machine, by the name of their folder."""
        found: dict[str, tuple[str, ...]] = {}
        for one in self.agents.values():
            if one.worktree:
                name = Path(one.worktree).name
                found[name] = tuple(dict.fromkeys((*found.get(name, ()), one.worktree)))
        return found

    def agent_of(self, pid: int) -> str:
        """The agent in whose group a process is, or empty."""
        for one in self.agents.values():
            group = _group(one)
            if group is not None and pid in group.processes():
                return one.agent
        return ""

    def enter(self, found: dict[str, Any], peer: Peer, covered: Callable[[Here], bool]) -> Here:
        """Take in an agent that is about to start: its process waits, and is moved into a group of its own.

        Where a standing halt takes it in, it is frozen before it begins.

        How it is reached is worked out here and never taken from whoever asks: this process may be root's, and must
        stop nobody else's processes on somebody's word. Raises Invalid, Refused.
        """
        texts = {name: found.get(name, "") for name in ("agent", "team", "runtime", "worktree")}
        sound = all(isinstance(text, str) and len(text) <= _LONGEST for text in texts.values())
        pid = found.get("pid")
        if not sound or not NAME.fullmatch(texts["agent"]) or type(pid) is not int or pid < 2:
            raise Invalid("an agent has a name, a team, a runtime, a work tree and a process", "")
        known = self.agents.get(texts["agent"])
        if known is not None and known.uid != peer.uid and _lives(known):
            text = f"{texts['agent']} runs already, as somebody else's"
            raise Refused((("taken", text, "allstop run --agent OTHER-NAME -- ..."),))
        if known is None and len(self.agents) >= _MOST:
            raise Invalid(f"{_MOST} agents are known on this machine", "allstop host status")
        if not _child_of(pid, peer):
            text = f"{pid} is no process that {peer.pid} has started"
            raise Refused((("not-yours", text, "allstop run starts it"),))
        if inside_a_group(peer.pid) or inside_a_group(pid):
            # A group that no order names would be the way out of one that is frozen.
            text = f"{peer.pid} runs inside the group of an agent, and what an agent starts stays there"
            raise Refused((("inside", text, "allstop run in a terminal of your own"),))
        one = Here(
            options=self._reached(texts["agent"], texts["worktree"], pid), uid=peer.uid, **texts
        )
        group = _group(one)
        if covered(one):
            if group is None or group.freeze(Deadline.within(_TIMEOUT_MS)).unruly:
                text = f"a halt stands that takes in {one.agent}, and nothing here can hold it"
                raise Refused((("held", text, "Wait until it is lifted: allstop host"),))
            self._stays(one.agent)
        self.agents[one.agent] = one
        self._ended = [agent for agent in self._ended if agent != one.agent]
        self._write()
        return one

    def _reached(self, agent: str, worktree: str, pid: int) -> dict[str, Any]:
        folder = self._path.parent / "agents" / agent
        folder.mkdir(parents=True, exist_ok=True)
        options: dict[str, Any] = {
            "halt_file": str(folder / "halt"),
            "env_mark": f"ALLSTOP_AGENT={agent}",
        }
        try:
            group = make_group(group_name(agent))
            group.enter(pid)
            options["cgroup"] = str(group.path)
        except NoGroup:
            pass  # found by its mark alone; whoever starts it is told
        # Looking into a work tree runs what its owner has configured there: never with more rights than theirs.
        if worktree and _owner(worktree) == os.geteuid():
            options["worktree"] = worktree
        return options

    async def follow(
        self, wanted: Iterable[str], covered: Callable[[Here], bool], seq: int
    ) -> dict[str, Outcome]:
        """Freeze and wake until it is as wanted; what was read back about each agent that is frozen here.

        wanted: agents the order wants frozen; covered: whether a standing halt takes an agent in. Whoever came while
        one did stays frozen until none does: it has not begun, and has nothing to say. So does whoever said truly that it
        has stopped.
        """
        async with self._turn:
            return await self._followed(set(wanted), covered, seq)

    async def _followed(
        self, wanted: set[str], covered: Callable[[Here], bool], seq: int
    ) -> dict[str, Outcome]:
        self._forget_ended()
        self._staying = {
            one for one in self._staying if one in self.agents and covered(self.agents[one])
        }
        self.at_word &= self._staying
        meant = (wanted & set(self.agents)) | self._staying
        unfrozen = [
            agent for agent in sorted(meant)
            if (before := self._frozen.get(agent)) is None or before.ending is not Ending.DONE
        ]  # fmt: skip
        # All groups first, in milliseconds: nobody runs on while somebody else's strays are looked for.
        with contextlib.suppress(TimeoutError):
            await in_thread(lambda: self._hold(unfrozen), _TIMEOUT_MS)
        for agent in unfrozen:
            self._frozen[agent] = await self._act("freeze", agent, seq)
        for agent in set(self._frozen) - meant:
            if agent not in self.agents:
                del self._frozen[agent]
                continue
            woken = await self._act("resume", agent, seq)
            if woken.ending is Ending.DONE:
                del self._frozen[agent]
        gone = {agent: _GONE for agent in self._ended if agent in wanted}
        return {**gone, **self._frozen}

    async def check(self, question: Question) -> dict[str, object]:
        """Whether an agent's answer agrees with its work tree, as an acknowledgement tells it.

        An answer is looked at while the agent cannot move. Where it agrees, the agent stays so: it says that it has
        stopped, and a word alone would let it work on behind it. Where it does not, it goes on, to save what it has not.
        """
        async with self._turn:
            return await self._compared(question)

    async def _compared(self, question: Question) -> dict[str, object]:
        said = {"agent": question.agent, "halt": question.halt}
        one = self.agents.get(question.agent)
        if one is None:
            return {**said, "agrees": False, "evidence": "it does not run here"}
        options = {
            **one.options, "halt": question.halt, "checkpoint": question.checkpoint, "branch": question.branch,
        }  # fmt: skip
        group = _group(one)
        held = group is not None and not (await _turned(group, frozen=True)).unruly
        seen = await self._adapter.act(_effect("confirm", one.agent, 0, options), self._blobs)
        if group is not None and not held:
            return {**said, "agrees": False, "evidence": "its processes cannot be held still"}
        agrees = seen.ending is Ending.DONE
        if agrees and held:
            self._stays(one.agent)
            self.at_word.add(one.agent)
        elif group is not None and one.agent not in self._frozen:
            await _turned(group, frozen=False)
        return {**said, "agrees": agrees, "evidence": seen.because[:200]}

    def _stays(self, agent: str) -> None:
        """It is frozen, and whoever follows the next order either reads that back or wakes it."""
        self._staying.add(agent)
        self._frozen.setdefault(agent, _NOT_YET)

    def _hold(self, agents: list[str]) -> None:
        """Freeze their groups. What becomes of it is read back when each is dealt with by itself."""
        for group in (_group(self.agents[agent]) for agent in agents):
            if group is not None:
                with contextlib.suppress(NoGroup):
                    group.freeze(Deadline.within(_AT_ONCE_MS))

    def _forget_ended(self) -> None:
        """An agent whose group is empty has ended: whoever starts one waits inside before it is known here."""
        ended = [
            one.agent for one in self.agents.values()
            if (group := _group(one)) is not None and not group.processes()
        ]  # fmt: skip
        for agent in ended:
            group = _group(self.agents.pop(agent))
            if group is not None:
                group.remove()
            self._ended = [*self._ended, agent][-_MOST:]
        if ended:
            self._write()

    async def _act(self, verb: str, agent: str, seq: int) -> Outcome:
        options = {"halt": "order", **self.agents[agent].options} if agent in self.agents else {}
        return await self._adapter.act(_effect(verb, agent, seq, options), self._blobs)

    def _write(self) -> None:
        body = {"agents": [asdict(one) for one in self.agents.values()], "ended": self._ended}
        put(self._path, json.dumps(body) + "\n", mode=0o600)


async def _turned(group: Group, *, frozen: bool) -> ReadBack:
    """Freeze or wake a group, read back. A group that cannot be reached is unruly."""
    within = Deadline.within(_TIMEOUT_MS)
    try:
        return await in_thread(
            lambda: group.freeze(within) if frozen else group.thaw(within), 2 * _TIMEOUT_MS
        )
    except (NoGroup, TimeoutError) as error:
        return ReadBack(0, 0, (str(error),))


def _effect(verb: str, agent: str, seq: int, options: dict[str, Any]) -> Effect:
    return Effect(
        f"host:{agent}:{verb}:{seq}", "host", Purpose.FREEZE, agent, "agent-process", verb, agent, options,
        Lane.HALT, _TIMEOUT_MS, seq,
    )  # fmt: skip


def _read(path: Path) -> tuple[dict[str, Here], list[str]]:
    """What was noted; an unreadable note is no reason not to take orders."""
    try:
        found = json.loads(path.read_text("utf-8"))
        here = [Here(**one) for one in found["agents"]]
        return {one.agent: one for one in here}, [str(one) for one in found["ended"]]
    except (OSError, ValueError, TypeError, KeyError):
        return {}, []


def _group(one: Here) -> Group | None:
    try:
        return group_at(str(one.options["cgroup"]))
    except (KeyError, NoGroup):
        return None


def _lives(one: Here) -> bool:
    group = _group(one)
    return group is not None and bool(group.processes())


def _child_of(pid: int, peer: Peer) -> bool:
    try:
        return parent_of(pid) == peer.pid and Path(f"/proc/{pid}").stat().st_uid == peer.uid
    except OSError:
        return False


def inside_a_group(pid: int) -> bool:
    """Whether a process runs inside an agent's group, or descends from one that does. True as well when it cannot be seen."""
    while pid > 1:
        try:
            if f"/{PARENT}/" in Path(f"/proc/{pid}/cgroup").read_text("utf-8", "replace"):
                return True
        except OSError:
            return True  # who cannot be looked at is not believed
        pid = parent_of(pid)
    return False


def _owner(folder: str) -> int:
    try:
        return Path(folder).stat().st_uid
    except (OSError, ValueError):
        return -1
