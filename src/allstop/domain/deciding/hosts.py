"""Hosts: enrolled by people, told by standing orders, and believed only about their own agents."""

from __future__ import annotations

import re
from collections.abc import Iterator

from allstop.domain.authority import may
from allstop.domain.deciding.roll_call import agent_outcome
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.effects import Purpose, done, failed
from allstop.domain.halt import events as e
from allstop.domain.halt import host_commands as c
from allstop.domain.halt import host_events as he
from allstop.domain.halt.hosts import REFUSALS, Host, Refusal
from allstop.domain.halt.lifecycle import TRANSITIONS, Hold
from allstop.domain.halt.state import Halt
from allstop.domain.moment import between
from allstop.domain.record import HOSTS_STREAM, halt_stream
from allstop.domain.verdict import nearest
from allstop.domain.world import World

TEXT_LIMIT = 500
# A host that refuses more in this time is not recorded any more.
REFUSALS_WITHIN_MS = 600_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def enrol(draft: Draft, command: c.EnrolHost) -> None:
    """A person lets a host follow the standing orders."""
    draft.only_people("enrols a host")
    draft.require(may("administer", draft.who, draft.book.latest, {}))
    if not _NAME.fullmatch(command.host):
        refuse(
            "bad-name",
            "a host is named by letters, digits, dots and dashes, at most 64",
            "allstop hosts enrol web-1",
        )
    draft.emit(HOSTS_STREAM, he.HostEnrolled(command.host))
    draft.result["host"] = command.host


def record_reached(draft: Draft, command: c.RecordReached) -> None:
    """Which hosts have come how far, in one entry a number; and whom of their agents that tells."""
    by_number: dict[int, list[str]] = {}
    for one in command.reached:
        if is_news(draft.world, one):
            by_number.setdefault(one.seq, []).append(one.host)
    for seq, hosts in sorted(by_number.items()):
        draft.emit(HOSTS_STREAM, he.HostReached(seq, tuple(dict.fromkeys(hosts))))
    for one in command.reached:
        for stream, event in tuple(told_by(draft.world, one)):
            draft.emit(stream, event)


def is_news(world: World, reach: c.Reach) -> bool:
    """Whether a host has come further than was known, or is heard again."""
    host = world.hosts.get(reach.host)
    if host is None or reach.seq < 1:
        return False
    return reach.seq > host.seq or (host.lost_at is not None and reach.seq == host.seq)


def told_by(world: World, reach: c.Reach) -> Iterator[tuple[str, object]]:
    """What a host's having an order says of the agents on it, by stream: told to stop, or that they may go on."""
    if reach.host not in world.hosts:
        return
    how = f"host {reach.host} holds order {reach.seq}"
    for agent in dict.fromkeys(reach.agents):
        if not _runs_on(world, agent, reach.host):
            continue
        for halt in (world.halts[id] for id in reach.halts if id in world.halts):
            line = halt.roll.get(agent)
            if halt.stands and line is not None and (line.state, e.AgentTold) in TRANSITIONS:
                yield halt_stream(halt.id), e.AgentTold(agent, how)
        ended = dict.fromkeys((*reach.ended, *reach.halts))
        for halt in (world.halts[id] for id in ended if id in world.halts):
            line = halt.roll.get(agent)
            freed = line is not None and line.hosted and line.state is Hold.RELEASED
            # While the halt stands for others, this very order has to let it act.
            told = not halt.stands or (agent, halt.id) in reach.passes
            if freed and told and not world.holders(agent):
                yield halt_stream(halt.id), e.AgentResumed(agent, how)


def report(draft: Draft, command: c.ReportHost) -> None:
    """What a host refused, froze and saw. Believed of its own agents only."""
    host = _own(draft, command.host)
    for refused in command.refused:
        known = draft.world.hosts[host.name].refused
        if _too_many(draft, known):
            break
        if (refused.seq, refused.code) not in {(one.seq, one.code) for one in known}:
            because = refused.because[:TEXT_LIMIT]
            event = he.HostRefused(host.name, refused.seq, refused.code[:40], because)
            draft.emit(HOSTS_STREAM, event)
    for frozen in command.frozen:
        _frozen(draft, host.name, frozen)
    for checked in command.checked:
        _checked(draft, host.name, checked)


def _too_many(draft: Draft, known: tuple[Refusal, ...]) -> bool:
    """Whether a host has said more of late than one in its senses has to say."""
    return len(known) == REFUSALS and between(known[0].at, draft.now.utc) < REFUSALS_WITHIN_MS


def _frozen(draft: Draft, host: str, frozen: c.FrozenAgent) -> None:
    if not _runs_on(draft.world, frozen.agent, host):
        return
    plural = "process" if frozen.processes == 1 else "processes"
    seen = f"{frozen.processes} {plural} frozen on {host}: {frozen.evidence[:TEXT_LIMIT]}"
    for halt in _holding(draft.world, frozen.agent, e.AgentEnforced):
        agent_outcome(draft, halt.id, Purpose.FREEZE, frozen.agent, done(seen))


def _checked(draft: Draft, host: str, checked: c.CheckedAgent) -> None:
    if not _runs_on(draft.world, checked.agent, host):
        return
    seen = f"{host} saw: {checked.evidence[:TEXT_LIMIT]}"
    for halt in _holding(draft.world, checked.agent, e.AgentConfirmed):
        if halt.id == checked.halt:
            outcome = done(seen) if checked.agrees else failed(seen)
            agent_outcome(draft, halt.id, Purpose.CONFIRM, checked.agent, outcome)


def questions(world: World, host: str) -> tuple[c.Question, ...]:
    """The answers of agents on a host that nobody has compared with their work trees yet."""
    return tuple(
        c.Question(line.agent, halt.id, line.checkpoint, line.branch)
        for halt in world.standing_halts()
        for line in halt.roll.values()
        if line.state is Hold.ANSWERED
        and _runs_on(world, line.agent, host)
        and world.agents[line.agent].is_hosted
    )


def lose(draft: Draft, command: c.LoseHost) -> None:
    host = draft.world.hosts.get(command.host)
    if host is not None and host.lost_at is None:
        draft.emit(HOSTS_STREAM, he.HostLost(command.host, command.silent_ms))


def _own(draft: Draft, name: str) -> Host:
    """The host that reports about itself. Refuses everybody else."""
    host = draft.world.hosts.get(name)
    if host is None:
        refuse("unknown-host", f"there is no host {name}", nearest(name, draft.world.hosts))
    if draft.who.host != name:
        refuse("not-yours", f"{draft.who} may not report for the host {name}")
    return host


def _runs_on(world: World, agent: str, host: str) -> bool:
    return agent in world.agents and world.agents[agent].host == host


def _holding(world: World, agent: str, event: type) -> Iterator[Halt]:
    """The halts that hold an agent, in which such an event would move it."""
    for halt in world.holders(agent):
        if (halt.roll[agent].state, event) in TRANSITIONS:
            yield halt


RULES: Rules = {
    c.EnrolHost: enrol,
    c.RecordReached: record_reached,
    c.ReportHost: report,
    c.LoseHost: lose,
}
INTERNAL: frozenset[type] = frozenset({c.RecordReached, c.LoseHost})
