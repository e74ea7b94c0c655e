"""Circuits: what the runner reports of calls, what samples say of breakers of the fleet, and a person's word."""

from __future__ import annotations

from typing import NoReturn

from allstop.domain.authority import may
from allstop.domain.breaker import Circuit
from allstop.domain.breaking import CLOSES, OPENS, move_of
from allstop.domain.deciding.escalating import escalate
from allstop.domain.deciding.informing import checked
from allstop.domain.deciding.levers import begin_own
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.expiry import blocked
from allstop.domain.fleet.circuits import FORCED, circuit_name
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after, words
from allstop.domain.plan import lever_commands as c
from allstop.domain.plan import lever_events as e
from allstop.domain.plan.asked import Asked
from allstop.domain.planning.degrading import lever_name
from allstop.domain.policy import Fleet, FleetBreaker
from allstop.domain.record import FLEET_STREAM, incident_stream
from allstop.domain.verdict import Verdict, nearest


def note_circuit(draft: Draft, command: c.NoteCircuit) -> None:
    """Record that the circuit of calls to a service has changed. Nothing when it stands like that already."""
    name = circuit_name(command.service, command.via, "")
    known = draft.world.circuits.get(name)
    state = known.state if known is not None else Circuit.CLOSED
    if command.state == state or state in (Circuit.FORCED_OPEN, Circuit.DISABLED):
        return
    incident = _incident_of(draft, command.stream)
    service, via, id = command.service, command.via, incident.id if incident else ""
    event: e.CircuitOpened | e.CircuitHalfOpened | e.CircuitClosed
    match command.state:
        case Circuit.OPEN:
            until = after(draft.now.utc, command.open_ms)
            event = e.CircuitOpened(
                service, via, command.failures, command.because, until, incident=id
            )
        case Circuit.HALF_OPEN:
            event = e.CircuitHalfOpened(service, via, incident=id)
        case _:
            event = e.CircuitClosed(service, via, command.because, incident=id)
    draft.emit(incident_stream(id) if id else FLEET_STREAM, event)


def _incident_of(draft: Draft, stream: str) -> Incident | None:
    """The incident of what was called for."""
    kind, _, id = stream.partition("/")
    plan = draft.world.plans.get(id) if kind == "plan" else None
    return draft.world.incidents.get(plan.incident if plan is not None else id)


def move_breaker(draft: Draft, command: c.MoveBreaker) -> None:
    """Open a breaker of the fleet, try it again or close it. Nothing when that is moot by now."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    found = [one for one in policy.fleet.breakers if one.name == command.breaker]
    if not found:
        return
    breaker = found[0]
    move, because = move_of(draft.world, policy, incident, breaker, draft.now.utc)
    if move == OPENS:
        _open(draft, incident, breaker, because)
    elif move == CLOSES:
        _close(draft, incident, breaker, because)
    elif move:
        event = e.CircuitHalfOpened(
            breaker.service, "", breaker.watches, incident.id, incident.rounds
        )
        draft.on_incident(incident.id, event)


def _open(draft: Draft, incident: Incident, breaker: FleetBreaker, because: str) -> None:
    fallback = lever_name(breaker.service, breaker.fallback)
    pulled = breaker.fallback in draft.world.standing_of(breaker.service).pulled
    policy = draft.policy(incident)
    service = policy.fleet.service(breaker.watches)
    probes = service.probes if service is not None else ()
    bad = max((-incident.runs.get(probe.name, 0) for probe in probes), default=0)
    until = after(draft.now.utc, breaker.open_ms)
    event = e.CircuitOpened(
        breaker.service, "", max(0, bad), because, until, breaker.watches, incident.id,
        incident.rounds,
    )  # fmt: skip
    draft.on_incident(incident.id, event)
    if pulled:
        return
    plan = begin_own(draft, incident, Asked("degrade", levers=(fallback,)))
    commander = incident.roles.get("commander", "")
    text = (
        f"{because}. {plan} pulls {fallback}; after {words(breaker.open_ms)} it is tried again. "
        f"allstop plan show {plan}"
    )
    first = (commander,) if commander else ()
    escalate(draft, incident.id, f"the breaker {breaker.name} has opened", text, first)


def _close(draft: Draft, incident: Incident, breaker: FleetBreaker, because: str) -> None:
    """What a person has let stay, or nobody may take back by itself, stays until its own end."""
    event = e.CircuitClosed(
        breaker.service, "", because, breaker.watches, incident.id, incident.rounds
    )
    draft.on_incident(incident.id, event)
    one = draft.world.standing_of(breaker.service).pulled.get(breaker.fallback)
    policy = draft.policy(incident)
    if one is None or one.kept or blocked(draft.world, policy, incident, breaker.service):
        return
    name = lever_name(breaker.service, breaker.fallback)
    begin_own(draft, incident, Asked("release", levers=(name,)))


def force_circuit(draft: Draft, command: c.ForceCircuit) -> None:
    """A person opens a circuit, closes it, or lets it never open."""
    draft.require(_may_force(draft))
    draft.only_people("forces a circuit")
    because = checked(command.because, "a reason")
    if command.state not in FORCED:
        refuse("unknown-state", f"a circuit is not {command.state}", nearest(command.state, FORCED))
    service, via, watches = _known(draft, command.circuit)
    if watches and command.state == "open":
        hint = "allstop lever pull, which does the same and can be taken back"
        refuse("no-call", f"{command.circuit} keeps no call back, it pulls a lever", hint)
    known = draft.world.circuits.get(command.circuit)
    state = known.state if known is not None else Circuit.CLOSED
    if state is FORCED[command.state]:
        refuse("no-change", f"{command.circuit} is {state} already")
    home = draft.world.incidents.get(known.incident) if known is not None else None
    id, rounds = (home.id, home.rounds) if home is not None and home.is_open else ("", 0)
    event = e.CircuitForced(service, via, command.state, because, watches, id, rounds)
    draft.emit(incident_stream(id) if id else FLEET_STREAM, event)


def _may_force(draft: Draft) -> Verdict:
    """Whoever may make plans: in an incident that is open, or without one."""
    verdict = may("plan", draft.who, draft.book.latest, {})
    for incident in draft.world.open_incidents():
        here = may("plan", draft.who, draft.policy(incident), incident.roles)
        verdict = here if here.allowed else verdict
    return verdict


def _known(draft: Draft, name: str) -> tuple[str, str, str]:
    """Service, adapter and watched service of a circuit. Refuses one that there cannot be."""
    fleet = draft.book.latest.fleet
    breakers = {one.name: one for one in fleet.breakers}
    if name in breakers:
        return breakers[name].service, "", breakers[name].watches
    known = draft.world.circuits.get(name)
    if known is not None:
        return known.service, known.via, known.watches
    service, _, via = name.partition("@")
    if via not in adapters_of(fleet).get(service, ()):
        _unknown(draft, name)
    return service, via, ""


def _unknown(draft: Draft, name: str) -> NoReturn:
    fleet = draft.book.latest.fleet
    names = [
        circuit_name(service, via, "")
        for service, every in adapters_of(fleet).items()
        for via in every
    ]
    known = {*draft.world.circuits, *(one.name for one in fleet.breakers), *names}
    refuse("unknown-circuit", f"there is no circuit {name}", nearest(name, known))


def adapters_of(fleet: Fleet) -> dict[str, frozenset[str]]:
    """The adapters each service is acted on through."""
    found = {}
    for service in fleet.services:
        every = [*service.actions.values(), *service.diagnose.values()]
        every += [spec for lever in service.levers for spec in (lever.pull, lever.release)]
        found[service.name] = frozenset(spec.adapter for spec in every)
    return found


RULES: Rules = {
    c.NoteCircuit: note_circuit,
    c.MoveBreaker: move_breaker,
    c.ForceCircuit: force_circuit,
}
INTERNAL: frozenset[type] = frozenset({c.NoteCircuit, c.MoveBreaker})
