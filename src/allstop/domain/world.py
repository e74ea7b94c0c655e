"""Everything decisions need, folded from the log; and `evolve`, which folds one more entry in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from allstop.domain import confirmations, proposals
from allstop.domain.confirmations import Confirmations
from allstop.domain.copying import replace
from allstop.domain.fleet import standing
from allstop.domain.fleet.circuits import CircuitStanding, moved
from allstop.domain.fleet.copies import Copy, copies_after
from allstop.domain.fleet.expected import key as duration_key
from allstop.domain.fleet.standing import USUAL, Standing
from allstop.domain.halt import events as halt_events
from allstop.domain.halt import host_events, hosts
from allstop.domain.halt import state as halt_state
from allstop.domain.halt.hosts import Host
from allstop.domain.halt.state import Agent, Halt
from allstop.domain.incident import events as incident_events
from allstop.domain.incident import folding as incident_folding
from allstop.domain.incident import state as incident_state
from allstop.domain.incident.parts import Points
from allstop.domain.incident.state import Incident
from allstop.domain.incident.work_events import PointsAwarded
from allstop.domain.layered import changed
from allstop.domain.moment import between
from allstop.domain.plan import events as plan_events
from allstop.domain.plan import lever_events
from allstop.domain.plan import state as plan_state
from allstop.domain.plan.events import ReleaseKnownGood, StepDone
from allstop.domain.plan.lifecycle import NodeState
from allstop.domain.plan.state import Plan
from allstop.domain.proposals import ActivationProposed, Proposal
from allstop.domain.readiness import PreflightTurned, Readiness, readiness
from allstop.domain.record import LEDGER_STREAM, PROTOCOL_STREAM, Record

# How many known good releases of a service are remembered behind the last one.
EARLIER = 5


@dataclass(frozen=True, slots=True)
class KnownGood:
    """The release of a service that was last seen healthy for long enough. earlier: those that were before it,
    the newest first."""

    release: str
    good_for_ms: int
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True)
class World:
    """The whole state. versions: last version of each stream; epoch: grows with every order that
    changes the world, and goes with each actuator call so that a delayed older one is refused;
    ledger: points given outside of incidents; confirmations: who has said that they know which
    protocol; standings: of the services that plans have changed; durations: how long actions of services
    took lately, in milliseconds (`payments/stop`); with_less: services that have a lever pulled; circuits: those
    that were ever open, by name; copies: of each service's data, made or proven by plans;
    readiness: whether the preflight passed when it turned last, None when it was never looked at;
    hosts: that follow standing orders, by name."""

    incidents: Mapping[str, Incident] = field(default_factory=dict)
    halts: Mapping[str, Halt] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    known_good: Mapping[str, KnownGood] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    epoch: int = 0
    proposals: Mapping[str, Proposal] = field(default_factory=dict)
    ledger: tuple[Points, ...] = ()
    confirmations: Confirmations = field(default_factory=dict)
    standings: Mapping[str, Standing] = field(default_factory=dict)
    durations: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    with_less: frozenset[str] = frozenset()
    circuits: Mapping[str, CircuitStanding] = field(default_factory=dict)
    copies: Mapping[str, tuple[Copy, ...]] = field(default_factory=dict)
    readiness: Readiness | None = None
    hosts: Mapping[str, Host] = field(default_factory=dict)

    @cached_property
    def remembered(self) -> dict[str, Any]:
        """What was worked out from this world before, for whoever asks again. No part of its state."""
        return {}

    def open_incidents(self) -> tuple[Incident, ...]:
        return tuple(one for one in self.incidents.values() if one.state == "open")

    def open_for(self, dedup: str) -> Incident | None:
        """The open incident for a deduplication key: it bears it, or one that does was merged into it."""
        for incident in self.incidents.values() if dedup else ():
            found = incident
            while incident.dedup == dedup and found.state == "merged":
                found = self.incidents[found.merged_into]
            if incident.dedup == dedup and found.is_open:
                return found
        return None

    def owing_incidents(self) -> tuple[Incident, ...]:
        """Stood down, and owing: obligations and action items are still chased."""
        return tuple(incident for incident in self.incidents.values() if incident.is_owing)

    def standing_halts(self) -> tuple[Halt, ...]:
        return tuple(halt for halt in self.halts.values() if halt.released_at is None)

    def halts_of(self, incident: str) -> tuple[Halt, ...]:
        """The halts that count for an incident: of this round, and older ones that still stand."""
        now = self.round_of(incident)
        return tuple(
            halt for halt in self.all_halts_of(incident) if halt.round == now or halt.stands
        )

    def all_halts_of(self, incident: str) -> tuple[Halt, ...]:
        """Its whole history, with what was before it was reopened."""
        return tuple(halt for halt in self.halts.values() if halt.incident == incident)

    def plans_of(self, incident: str) -> tuple[Plan, ...]:
        """The plans that count for an incident: nothing made before it was reopened proves anything."""
        now = self.round_of(incident)
        return tuple(
            plan for plan in self.plans.values() if plan.incident == incident and plan.round == now
        )

    def all_plans_of(self, incident: str) -> tuple[Plan, ...]:
        """Its whole history, with what was before it was reopened."""
        return tuple(plan for plan in self.plans.values() if plan.incident == incident)

    def round_of(self, incident: str) -> int:
        """How often an incident was reopened. A count, because times cannot tell: clocks step."""
        found = self.incidents.get(incident)
        return len(found.reopened) if found is not None else 0

    def changed_on_purpose(self) -> tuple[str, ...]:
        """Services that plans have stopped or closed, and those whose node is under way or held."""
        left = [name for name, one in self.standings.items() if one.stopped or one.closed]
        at_work = [
            node.service
            for plan in self.plans.values()
            if plan.ended_at is None and plan.nodes_at
            for node in plan.nodes
            if node.service and plan.node_at(node.id).state in (NodeState.RUNNING, NodeState.HELD)
        ]
        return (*left, *at_work)

    def standing_of(self, service: str) -> Standing:
        """What plans have left it in."""
        return self.standings.get(service, USUAL)

    def holders(self, agent: str) -> tuple[Halt, ...]:
        """The standing halts that hold an agent; it may run only when there are none."""
        return tuple(
            halt
            for halt in self.standing_halts()
            if agent in halt.roll and not halt.roll[agent].is_let_go
        )


def evolve(world: World, record: Record) -> World:
    """The world after one entry. Total over all events, and never fails."""
    begin = _BEGINNINGS.get(type(record.event))
    if begin is not None:
        return begin(world, record)
    kind, _, id = record.stream.partition("/")
    go_on = _GOING_ON.get(kind)
    moved = world if go_on is None else go_on(world, id, record)
    return replace(world, versions=_counted(world, record)) if moved is world else moved


def _counted(world: World, record: Record) -> dict[str, int]:
    """The versions with this entry. Whatever else changes, changes with them: one copy for each entry."""
    return {**world.versions, record.stream: record.version}


def _declared(world: World, record: Record) -> World:
    incident = incident_state.declared(record)
    incidents = {**world.incidents, incident.id: incident}
    return replace(world, versions=_counted(world, record), incidents=incidents)


def _registered(world: World, record: Record) -> World:
    agent = halt_state.registered(record)
    agents = {**world.agents, agent.id: agent}
    return replace(world, versions=_counted(world, record), agents=agents)


def _removed(world: World, record: Record) -> World:
    gone = record.event.agent
    agents = {name: agent for name, agent in world.agents.items() if name != gone}
    return replace(world, versions=_counted(world, record), agents=agents)


def _ordered(world: World, record: Record) -> World:
    epoch = world.epoch + 1
    halt = halt_state.ordered(record, epoch, world.agents)
    halt = replace(halt, round=world.round_of(halt.incident))
    halts = {**world.halts, halt.id: halt}
    return replace(world, versions=_counted(world, record), epoch=epoch, halts=halts)


def _known_good(world: World, record: Record) -> World:
    event: ReleaseKnownGood = record.event
    before = world.known_good.get(event.service)
    older = (before.release, *before.earlier) if before else ()
    earlier = tuple(one for one in older if one != event.release)[:EARLIER]
    good = KnownGood(event.release, event.good_for_ms, earlier)
    known = {**world.known_good, event.service: good}
    return replace(world, versions=_counted(world, record), known_good=known)


def _proposed(world: World, record: Record) -> World:
    proposal = proposals.proposed(record)
    known = {**world.proposals, proposal.id: proposal}
    return replace(world, versions=_counted(world, record), proposals=known)


# Later orders of a halt, which outrank those before: a delayed one is refused.
_FENCED = (halt_events.HaltReleased, halt_events.ReleaseStaged, halt_events.ReleaseAborted)


def _halt_evolved(world: World, id: str, record: Record) -> World:
    if id not in world.halts:
        return world
    epoch = world.epoch + (1 if isinstance(record.event, _FENCED) else 0)
    halts = {**world.halts, id: halt_state.evolve(world.halts[id], record, epoch, world.agents)}
    return replace(world, versions=_counted(world, record), epoch=epoch, halts=halts)


def _plan_evolved(world: World, id: str, record: Record) -> World:
    if id not in world.plans:
        return world
    plan = world.plans[id]
    if isinstance(record.event, StepDone):
        world = _step_done(world, plan, record)
    plan = plan_state.evolve(plan, record)
    # Of two plans the one that was started later gives the newer orders, whichever was made first.
    epoch = max(world.epoch, plan.epoch)
    plans = {**world.plans, id: plan}
    return replace(world, versions=_counted(world, record), epoch=epoch, plans=plans)


def _step_done(world: World, plan: Plan, record: Record) -> World:
    """What a step that is done says of its service, and how long it took."""
    step, begun = plan.step(record.event.step), plan.standing(record.event.step).started_at
    if step is None or step.kind != "act" or not step.action or not step.service:
        return world
    now = standing.after_step(world.standing_of(step.service), step, plan.id, record.at)
    took = between(begun, record.at) if begun is not None else 0
    name = duration_key(step.service, step.action)
    lately = {name: world.durations[name]} if name in world.durations else {}
    return replace(
        _with_standing(world, step.service, now),
        durations=changed(world.durations, standing.learned(lately, step, max(0, took))),
        copies=_copies(world, step, record),
    )


def _copies(world: World, step: plan_events.Step, record: Record) -> Mapping[str, tuple[Copy, ...]]:
    """The copies of data there are, with what a step that is done has made or proven."""
    was = world.copies.get(step.service, ())
    now = copies_after(was, step, record.event, record.at)
    return world.copies if now == was else {**world.copies, step.service: now}


def _with_standing(world: World, service: str, now: Standing) -> World:
    """The world with a new standing of a service."""
    less = world.with_less
    if bool(now.pulled) != (service in less):
        less = less | {service} if now.pulled else less - {service}
    standings = changed(world.standings, {service: now})
    return replace(world, standings=standings, with_less=less)


def _lever_told(world: World, record: Record) -> World:
    """Something was said about a lever that is pulled."""
    service = record.event.service
    now = standing.after_word(world.standing_of(service), record.event, record.at)
    return replace(_with_standing(world, service, now), versions=_counted(world, record))


def _circuit_moved(world: World, record: Record) -> World:
    return replace(world, versions=_counted(world, record), circuits=moved(world.circuits, record))


def _host_moved(world: World, record: Record) -> World:
    return replace(
        world, versions=_counted(world, record), hosts=hosts.moved(world.hosts, record)
    )  # fmt: skip


def _proposal_evolved(world: World, id: str, record: Record) -> World:
    if id not in world.proposals:
        return world
    moved = {**world.proposals, id: proposals.evolve(world.proposals[id], record)}
    return replace(world, versions=_counted(world, record), proposals=moved)


def _ledger_evolved(world: World, _: str, record: Record) -> World:
    if not isinstance(record.event, PointsAwarded):
        return world
    one = record.event
    given = Points(one.team, one.points, one.because, one.rule, record.at, record.actor)
    return replace(world, versions=_counted(world, record), ledger=(*world.ledger, given))


def _confirmed(world: World, _: str, record: Record) -> World:
    confirmed = confirmations.confirmed(world.confirmations, record)
    return replace(world, versions=_counted(world, record), confirmations=confirmed)


def _planned(world: World, record: Record) -> World:
    plan = plan_state.made(record)
    incident = world.incidents.get(plan.incident)
    if incident is not None and plan.purpose == "remedy":
        incidents = {**world.incidents, incident.id: replace(incident, remedy_planned=True)}
        world = replace(world, incidents=incidents)
    plans = {**world.plans, plan.id: replace(plan, round=world.round_of(plan.incident))}
    epoch = world.epoch + 1
    return replace(world, versions=_counted(world, record), epoch=epoch, plans=plans)


def _incident_evolved(world: World, id: str, record: Record) -> World:
    if id not in world.incidents:
        return world
    moved = incident_folding.evolve(world.incidents[id], record)
    plans = world.plans
    if isinstance(record.event, incident_events.SamplesRecorded):
        watching = (plan for plan in world.plans_of(id) if plan.gates)
        plans = {**plans, **{one.id: plan_state.sampled(one, record.event) for one in watching}}
    incidents = {**world.incidents, id: moved}
    return replace(world, versions=_counted(world, record), incidents=incidents, plans=plans)


def _turned(world: World, record: Record) -> World:
    return replace(world, versions=_counted(world, record), readiness=readiness(record))


_BEGINNINGS: dict[type, Callable[[World, Record], World]] = {
    incident_events.IncidentDeclared: _declared,
    halt_events.AgentRegistered: _registered,
    halt_events.AgentRemoved: _removed,
    halt_events.HaltOrdered: _ordered,
    plan_events.PlanMade: _planned,
    ReleaseKnownGood: _known_good,
    ActivationProposed: _proposed,
    PreflightTurned: _turned,
    host_events.HostEnrolled: _host_moved,
    host_events.HostReached: _host_moved,
    host_events.HostRefused: _host_moved,
    host_events.HostLost: _host_moved,
    lever_events.LeverAsked: _lever_told,
    lever_events.LeverExtended: _lever_told,
    lever_events.LeverExpired: _lever_told,
    lever_events.LeverOverdue: _lever_told,
    lever_events.CircuitOpened: _circuit_moved,
    lever_events.CircuitHalfOpened: _circuit_moved,
    lever_events.CircuitClosed: _circuit_moved,
    lever_events.CircuitForced: _circuit_moved,
}

# By kind of stream; what is not named here changes nothing.
_GOING_ON: dict[str, Callable[[World, str, Record], World]] = {
    "incident": _incident_evolved,
    "halt": _halt_evolved,
    "plan": _plan_evolved,
    "proposal": _proposal_evolved,
    LEDGER_STREAM: _ledger_evolved,
    PROTOCOL_STREAM: _confirmed,
}
