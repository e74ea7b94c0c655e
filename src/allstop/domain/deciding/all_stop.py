"""Ordering and releasing halts."""

from __future__ import annotations

from dataclasses import dataclass

from allstop.domain.authority import may
from allstop.domain.deciding import release_stages
from allstop.domain.draft import Draft, refuse
from allstop.domain.halt import commands as c
from allstop.domain.halt import events as e
from allstop.domain.halt.releasing import asked_for, is_guarded, missing, needed
from allstop.domain.halt.scope import CLASSES, DEFAULT, KINDS, normal, takes_in, trouble_with
from allstop.domain.halt.state import Agent, Halt, conflicts
from allstop.domain.incident.state import Incident
from allstop.domain.policy import ReleaseRule
from allstop.domain.principal import Kind
from allstop.domain.record import AGENTS_STREAM, halt_stream
from allstop.domain.verdict import Reason, Verdict, nearest
from allstop.domain.world import World


def order_all_stop(draft: Draft, incident_id: str) -> None:
    """The all-stop of an incident: every agent, held in the incident's name."""
    incident = draft.incident(incident_id)
    _order(draft, _Terms("all", _reason(incident), incident_id, incident.policy))


def ensure_all_stop(draft: Draft, incident_id: str) -> None:
    """The all-stop of an incident, unless it stands already."""
    if not all_stop_stands(draft.world, incident_id):
        order_all_stop(draft, incident_id)


def all_stop_stands(world: World, incident_id: str) -> bool:
    """Whether every agent is held in the name of an incident."""
    return any(halt.stands and halt.is_all_stop for halt in world.halts_of(incident_id))


def order_same(draft: Draft, halt: Halt, incident_id: str) -> None:
    """The same stop in the name of another incident: whoever one holds, the other holds as well."""
    found = draft.incident(incident_id)
    terms = _Terms(
        halt.scope, _reason(found), found.id, found.policy, halt.exempt, halt.classes
    )  # fmt: skip
    _order(draft, terms)


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
    terms = _Terms(
        command.scope, reason, command.incident, draft.book.current, command.exempt,
        _classes(command.classes),
    )  # fmt: skip
    _order(draft, terms)
    _say_what_is_odd(draft, draft.world.halts[draft.result["halt"]])


def register(draft: Draft, command: c.RegisterAgent) -> None:
    """A new agent; one in the scope of a standing halt starts halted."""
    draft.require(may("register-agent", draft.who, draft.book.latest, {}, command.agent))
    known = draft.world.agents.get(command.agent)
    place = _place(command, known)
    same = known is not None and (
        known.adapter, dict(known.options), known.team, known.host, known.session, known.repository,
    ) == (command.adapter, dict(command.options), command.team, *place)  # fmt: skip
    if same:
        return
    event = e.AgentRegistered(
        command.agent, command.name, command.team, command.adapter, dict(command.options), *place
    )
    draft.emit(AGENTS_STREAM, event)
    agent = draft.world.agents[command.agent]
    for halt in draft.world.standing_halts():
        if halt.covers(agent) and command.agent not in halt.roll:
            draft.emit(halt_stream(halt.id), e.AgentHeld(command.agent))


def remove(draft: Draft, command: c.RemoveAgent) -> None:
    """An agent that has gone for good. Never one that is held: what stops it must not lose sight of it."""
    draft.only_people("removes an agent")
    draft.require(may("register-agent", draft.who, draft.book.latest, {}, command.agent))
    if command.agent not in draft.world.agents:
        hint = nearest(command.agent, draft.world.agents)
        refuse("unknown-agent", f"there is no agent {command.agent}", hint)
    holders = [one for one in draft.world.standing_halts() if command.agent in one.roll]
    if holders:
        named = ", ".join(one.id for one in holders)
        refuse("held", f"{command.agent} is held by {named}", f"allstop release {holders[0].id}")
    if draft.book.latest.roster.agent(command.agent) is not None:
        text = f"{command.agent} stands in roster.yaml, from which it would be registered again"
        refuse("on-roster", text, "take it out of roster.yaml, then allstop reload")
    reason = command.reason.strip()
    if not reason:
        refuse("no-reason", "removing an agent needs a reason", "what became of it?")
    draft.emit(AGENTS_STREAM, e.AgentRemoved(command.agent, reason))


def _place(command: c.RegisterAgent, known: Agent | None) -> tuple[str, str, str]:
    """Host, session and repository: as they are told, else as they were known."""
    for kind, name in (
        ("host", command.host),
        ("session", command.session),
        ("repository", command.repository),
    ):
        trouble = trouble_with(f"{kind}:{name}") if name else ""
        if trouble:
            refuse("bad-place", trouble)
    return (
        command.host or (known.host if known else ""),
        command.session or (known.session if known else ""),
        command.repository or (known.repository if known else ""),
    )


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
    if command.troubles:
        hint = f"sign again: allstop release {halt.id} --sign KEYFILE; allstop key list"
        draft.require(
            Verdict(tuple(Reason("bad-statement", one, hint) for one in command.troubles))
        )
    waits = "" if halt.stage else _asked(draft, halt, command)
    if waits:
        draft.result |= {"halt": halt.id, "waits_for": waits}
    elif release_stages.go_on(draft, draft.world.halts[halt.id], command.reason.strip()):
        _release(draft, draft.world.halts[halt.id], command.reason.strip())


def abort_release(draft: Draft, command: c.AbortRelease) -> None:
    """Put a halt back whose release is under way. Whoever may order a halt may do it."""
    halt = release_stages.of(draft, command.halt)
    incident = draft.world.incidents.get(halt.incident)
    roles = incident.roles if incident else {}
    draft.require(may("halt", draft.who, draft.book.latest, roles))
    if not command.reason.strip():
        refuse("no-reason", "to put a halt back needs a reason, the agents are told it")
    release_stages.abort(draft, halt, command)


def _needed(draft: Draft, halt: Halt) -> ReleaseRule:
    incident = draft.world.incidents.get(halt.incident)
    return needed(draft.book.pinned(halt.policy), incident.severity if incident else "", halt)


def _asked(draft: Draft, halt: Halt, command: c.ReleaseHalt) -> str:
    """One person more asks for a release that takes several, or keys; what it still waits for."""
    needs = _needed(draft, halt)
    if not is_guarded(needs):
        return ""
    who, kept = str(draft.who), set(halt.statements)
    fresh = tuple(one for one in command.statements if one not in kept)
    if who in halt.asked_by and not fresh and set(command.keys) == set(halt.signed):
        waits = missing(needs, halt.asked_by, halt.signed)
        text = f"{who} has asked for the release of {halt.id} already; it waits for {waits}"
        refuse(
            "asked-already", text, "somebody else who may has to agree, or a release key to sign"
        )
    event = e.ReleaseAsked(command.reason.strip(), fresh, tuple(sorted(set(command.keys))))
    draft.emit(halt_stream(halt.id), event)
    now = draft.world.halts[halt.id]
    return missing(needs, now.asked_by, now.signed)


def release_halts_of(draft: Draft, incident: str, reason: str) -> None:
    """Lift the halts an incident holds; whoever stands down must also be allowed to release."""
    found = draft.incident(incident, must_be_open=False)
    for halt in draft.world.halts_of(incident):
        if halt.stands:
            draft.require(may("release", draft.who, draft.policy(found), found.roles))
            _check_enough(draft, halt)
            _release(draft, halt, reason)


def _check_enough(draft: Draft, halt: Halt) -> None:
    """Refuse what would end a halt along the way that takes more than one person's word."""
    release_stages.check_no_stage_left(draft, halt)
    needs = _needed(draft, halt)
    waits = missing(needs, (*halt.asked_by, str(draft.who)), halt.signed)
    if waits:
        text = f"{halt.id} stands, and its release waits for {waits}"
        refuse("release-first", text, f'allstop release {halt.id} --because "..."')


def let_go(draft: Draft, halt: Halt, reason: str) -> None:
    """Lift a halt whose release was decided elsewhere, by an override."""
    _release(draft, halt, reason)


def _release(draft: Draft, halt: Halt, reason: str) -> None:
    free = tuple(agent for agent in halt.roll if draft.world.holders(agent) == (halt,))
    draft.emit(halt_stream(halt.id), e.HaltReleased(reason, free))
    draft.result["halt"] = halt.id
    rest = (name for name, line in halt.roll.items() if name not in free and not line.is_let_go)
    held = {agent: draft.world.holders(agent) for agent in rest}
    draft.result["still_held"] = [*held]
    if any(held.values()):
        draft.result["held_by"] = {agent: [one.id for one in by] for agent, by in held.items()}


@dataclass(frozen=True, slots=True)
class _Terms:
    """What a halt is to be. policy: digest of the rules for its roll call."""

    scope: str
    reason: str
    incident: str
    policy: str
    exempt: tuple[str, ...] = ()
    classes: tuple[str, ...] = DEFAULT


def _order(draft: Draft, terms: _Terms) -> None:
    id = f"HALT-{len(draft.world.halts) + 1}"
    policy = draft.book.pinned(terms.policy)
    incident = draft.world.incidents.get(terms.incident)
    takes = asked_for(policy, incident.severity if incident else "")
    agents = tuple(
        agent.id
        for agent in draft.world.agents.values()
        if agent.id not in terms.exempt and takes_in(terms.scope, agent)
    )
    event = e.HaltOrdered(
        id, terms.scope, terms.reason, terms.incident, agents, terms.exempt, terms.policy,
        policy.protocol.all_stop.order, terms.classes, takes.persons, takes.keys,
    )  # fmt: skip
    draft.emit(halt_stream(id), event)
    draft.result["halt"] = id
    if not agents:
        draft.emit(halt_stream(id), e.HaltSettled(0, 0))


def _check_scope(draft: Draft, scope: str) -> None:
    kind, _, name = scope.partition(":")
    trouble = trouble_with(scope)
    if trouble:
        code = "unknown-scope" if kind not in KINDS or kind == "all" else "bad-scope"
        refuse(
            code, trouble, f"all, or NAME after one of: {', '.join(f'{one}:' for one in KINDS[1:])}"
        )
    if kind == "team":
        teams = {agent.team for agent in draft.world.agents.values()}
        if name not in teams:
            refuse("unknown-team", f"no agent is in a team {name}", nearest(name, teams))
    if kind == "agent" and name not in draft.world.agents:
        refuse("unknown-agent", f"there is no agent {name}", nearest(name, draft.world.agents))


def _classes(given: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return normal(given)
    except ValueError as error:
        refuse("unknown-class", str(error), f"default, hard, or of: {', '.join(CLASSES)}")


def _say_what_is_odd(draft: Draft, halt: Halt) -> None:
    """What whoever ordered it should know: nobody is in it yet, or it meets another halt's exemption."""
    said = [] if halt.roll else _nobody(halt)
    for one in conflicts(draft.world.standing_halts()):
        if halt.id in (one.held_by, one.exempt_in):
            said.append(f"{one.exempt_in} lets {one.agent} act, {one.held_by} stops it")
    if said:
        draft.result["warning"] = "; ".join(said)


def _nobody(halt: Halt) -> list[str]:
    kind = halt.scope.partition(":")[0]
    if kind not in ("session", "repository", "host"):
        return []
    return [f"no agent is known to be in {halt.scope}; whoever comes into it starts halted"]


def may_answer(draft: Draft, agent: str) -> bool:
    """An agent answers for itself; a person may answer for one that cannot."""
    return (draft.who.kind is Kind.AGENT and draft.who.id == agent) or draft.who.kind is Kind.PERSON
