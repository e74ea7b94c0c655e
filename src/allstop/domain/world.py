"""Everything decisions need, folded from the log; and `evolve`, which folds one more entry in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from allstop.domain.halt import events as halt_events
from allstop.domain.halt import state as halt_state
from allstop.domain.halt.state import Agent, Halt
from allstop.domain.incident import events as incident_events
from allstop.domain.incident import state as incident_state
from allstop.domain.incident.state import Incident
from allstop.domain.plan import events as plan_events
from allstop.domain.plan import state as plan_state
from allstop.domain.plan.events import ReleaseKnownGood
from allstop.domain.plan.state import Plan
from allstop.domain.record import Record


@dataclass(frozen=True, slots=True)
class KnownGood:
    """The release of a service that was last seen healthy for long enough."""

    release: str
    good_for_ms: int


@dataclass(frozen=True, slots=True)
class World:
    """The whole state. versions: last version of each stream; epoch: grows with every order that
    changes the world, and goes with each actuator call so that a delayed older one is refused."""

    incidents: Mapping[str, Incident] = field(default_factory=dict)
    halts: Mapping[str, Halt] = field(default_factory=dict)
    agents: Mapping[str, Agent] = field(default_factory=dict)
    plans: Mapping[str, Plan] = field(default_factory=dict)
    known_good: Mapping[str, KnownGood] = field(default_factory=dict)
    versions: Mapping[str, int] = field(default_factory=dict)
    epoch: int = 0

    def open_incidents(self) -> tuple[Incident, ...]:
        return tuple(incident for incident in self.incidents.values() if incident.is_open)

    def standing_halts(self) -> tuple[Halt, ...]:
        return tuple(halt for halt in self.halts.values() if halt.stands)

    def halts_of(self, incident: str) -> tuple[Halt, ...]:
        return tuple(halt for halt in self.halts.values() if halt.incident == incident)

    def plans_of(self, incident: str) -> tuple[Plan, ...]:
        return tuple(plan for plan in self.plans.values() if plan.incident == incident)

    def holders(self, agent: str) -> tuple[Halt, ...]:
        """The standing halts that hold an agent; it may run only when there are none."""
        return tuple(halt for halt in self.standing_halts() if agent in halt.roll)


def evolve(world: World, record: Record) -> World:
    """The world after one entry. Total over all events, and never fails."""
    world = replace(world, versions={**world.versions, record.stream: record.version})
    kind, _, id = record.stream.partition("/")
    match record.event:
        case incident_events.IncidentDeclared():
            return replace(
                world, incidents={**world.incidents, id: incident_state.declared(record)}
            )
        case halt_events.AgentRegistered(agent):
            return replace(world, agents={**world.agents, agent: halt_state.registered(record)})
        case halt_events.HaltOrdered():
            epoch = world.epoch + 1
            return replace(
                world, epoch=epoch, halts={**world.halts, id: halt_state.ordered(record, epoch)}
            )
        case plan_events.PlanMade():
            return _planned(world, plan_state.made(record))
        case ReleaseKnownGood(service, release, good_for_ms):
            return replace(
                world, known_good={**world.known_good, service: KnownGood(release, good_for_ms)}
            )
    if kind == "incident" and id in world.incidents:
        return _incident_evolved(world, id, record)
    if kind == "halt" and id in world.halts:
        epoch = world.epoch + (1 if isinstance(record.event, halt_events.HaltReleased) else 0)
        halt = halt_state.evolve(world.halts[id], record, epoch)
        return replace(world, epoch=epoch, halts={**world.halts, id: halt})
    if kind == "plan" and id in world.plans:
        return replace(world, plans={**world.plans, id: plan_state.evolve(world.plans[id], record)})
    return world


def _planned(world: World, plan: Plan) -> World:
    incident = world.incidents.get(plan.incident)
    if incident is not None and plan.purpose == "remedy":
        incidents = {**world.incidents, incident.id: replace(incident, remedy_planned=True)}
        world = replace(world, incidents=incidents)
    return replace(world, epoch=world.epoch + 1, plans={**world.plans, plan.id: plan})


def _incident_evolved(world: World, id: str, record: Record) -> World:
    world = replace(
        world, incidents={**world.incidents, id: incident_state.evolve(world.incidents[id], record)}
    )
    if isinstance(record.event, incident_events.SamplesRecorded):
        moved = {
            plan.id: plan_state.sampled(plan, record.event)
            for plan in world.plans_of(id)
            if plan.gates
        }
        if moved:
            world = replace(world, plans={**world.plans, **moved})
    return world
