"""Ordering and releasing halts."""

from __future__ import annotations

from allstop.domain.authority import may
from allstop.domain.draft import Draft, refuse
from allstop.domain.halt import commands as c
from allstop.domain.halt import events as e
from allstop.domain.halt.state import Halt
from allstop.domain.incident.state import Incident
from allstop.domain.principal import Kind
from allstop.domain.record import AGENTS_STREAM, halt_stream
from allstop.domain.verdict import nearest
from allstop.domain.world import World


def order_all_stop(draft: Draft, incident_id: str) -> None:
    """The all-stop of an incident: every agent, held in the incident's name."""
    incident = draft.incident(incident_id)
    _order(draft, "all", _reason(incident), incident_id, (), incident.policy)


def ensure_all_stop(draft: Draft, incident_id: str) -> None:
    """The all-stop of an incident, unless it stands already."""
    if not all_stop_stands(draft.world, incident_id):
        order_all_stop(draft, incident_id)


def all_stop_stands(world: World, incident_id: str) -> bool:
    """Whether every agent is held in the name of an incident."""
    return any(halt.stands and halt.scope == "all" for halt in world.halts_of(incident_id))


def order_same(draft: Draft, halt: Halt, incident_id: str) -> None:
    """The same stop in the name of another incident: whoever one holds, the other holds as well."""
    found = draft.incident(incident_id)
    _order(draft, halt.scope, _reason(found), found.id, halt.exempt, found.policy)


def _reason(incident: Incident) -> str:
    """What every agent is told. Of a private incident that is its name: agents are no part of it."""
    return incident.id if incident.private else f"{incident.id}: {incident.title}"


def order_halt(draft: Draft, command: c.OrderHalt) -> None:
    """A halt asked for: cheap and wide, because stopping is the safe direction."""
    roles = draft.incident(command.incident).roles if command.incident else {}
    policy = draft.book.latest
    _check_scope(draft, command.scope)
    subject = command.scope[6:] if command.scope.startswith("agent:") else ""
    draft.require(may("halt", draft.who, policy, roles, subject))
    for agent in command.exempt:
        if agent not in draft.world.agents:
            refuse(
                "unknown-agent", f"there is no agent {agent}", nearest(agent, draft.world.agents)
            )
    reason = command.reason.strip()
    if not reason:
        refuse("no-reason", "a halt needs a reason, the agents are told it", 'allstop halt "why"')
    _order(draft, command.scope, reason, command.incident, command.exempt, draft.book.current)


def register(draft: Draft, command: c.RegisterAgent) -> None:
    """A new agent; one in the scope of a standing halt starts halted."""
    draft.require(may("register-agent", draft.who, draft.book.latest, {}, command.agent))
    known = draft.world.agents.get(command.agent)
    same = known is not None and (known.adapter, dict(known.options), known.team) == (
        command.adapter, dict(command.options), command.team,
    )  # fmt: skip
    if same:
        return
    event = e.AgentRegistered(
        command.agent, command.name, command.team, command.adapter, dict(command.options)
    )
    draft.emit(AGENTS_STREAM, event)
    agent = draft.world.agents[command.agent]
    for halt in draft.world.standing_halts():
        if halt.covers(agent) and command.agent not in halt.roll:
            draft.emit(halt_stream(halt.id), e.AgentHeld(command.agent))


def release_halt(draft: Draft, command: c.ReleaseHalt) -> None:
    """Lift one halt. Agents that another halt holds stay where they are."""
    halt = draft.world.halts.get(command.halt)
    if halt is None:
        refuse(
            "unknown-halt",
            f"there is no halt {command.halt}",
            nearest(command.halt, draft.world.halts),
        )
    incident = draft.world.incidents.get(halt.incident)
    policy = draft.policy(incident) if incident else draft.book.latest
    draft.require(may("release", draft.who, policy, incident.roles if incident else {}))
    if not halt.stands:
        refuse("already-released", f"{halt.id} was released by {halt.released_by}")
    if not command.reason.strip():
        refuse(
            "no-reason", "a release needs a reason", f'allstop release {halt.id} --because "..."'
        )
    _release(draft, halt, command.reason.strip())


def release_halts_of(draft: Draft, incident: str, reason: str) -> None:
    """Lift the halts an incident holds; whoever stands down must also be allowed to release."""
    found = draft.incident(incident, must_be_open=False)
    for halt in draft.world.halts_of(incident):
        if halt.stands:
            draft.require(may("release", draft.who, draft.policy(found), found.roles))
            _release(draft, halt, reason)


def let_go(draft: Draft, halt: Halt, reason: str) -> None:
    """Lift a halt whose release was decided elsewhere, by an override."""
    _release(draft, halt, reason)


def _release(draft: Draft, halt: Halt, reason: str) -> None:
    free = tuple(agent for agent in halt.roll if draft.world.holders(agent) == (halt,))
    draft.emit(halt_stream(halt.id), e.HaltReleased(reason, free))
    draft.result["halt"] = halt.id
    draft.result["still_held"] = [agent for agent in halt.roll if agent not in free]


def _order(
    draft: Draft, scope: str, reason: str, incident: str, exempt: tuple[str, ...], digest: str
) -> None:
    id = f"HALT-{len(draft.world.halts) + 1}"
    order = draft.book.pinned(digest).protocol.all_stop.order
    shape = Halt(
        id, scope, reason, incident, digest, order, draft.now.utc, str(draft.who), 0, exempt
    )
    agents = tuple(agent.id for agent in draft.world.agents.values() if shape.covers(agent))
    draft.emit(
        halt_stream(id), e.HaltOrdered(id, scope, reason, incident, agents, exempt, digest, order)
    )
    draft.result["halt"] = id
    if not agents:
        draft.emit(halt_stream(id), e.HaltSettled(0, 0))


def _check_scope(draft: Draft, scope: str) -> None:
    kind, _, name = scope.partition(":")
    if kind == "all" and not name:
        return
    if kind == "team":
        teams = {agent.team for agent in draft.world.agents.values()}
        if name in teams:
            return
        refuse("unknown-team", f"no agent is in a team {name}", nearest(name, teams))
    if kind == "agent":
        if name in draft.world.agents:
            return
        refuse("unknown-agent", f"there is no agent {name}", nearest(name, draft.world.agents))
    refuse("unknown-scope", f"{scope} is no scope", "all, team:NAME or agent:ID")


def may_answer(draft: Draft, agent: str) -> bool:
    """An agent answers for itself; a person may answer for one that cannot."""
    return (draft.who.kind is Kind.AGENT and draft.who.id == agent) or draft.who.kind is Kind.PERSON
