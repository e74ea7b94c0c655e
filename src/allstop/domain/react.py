"""`react`: an entry -> the effects to attempt. Called once, when the entry is appended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from allstop.domain.effects import Effect, Lane, Purpose
from allstop.domain.halt import events as halt_events
from allstop.domain.halt.scope import CLASSES
from allstop.domain.halt.state import Halt
from allstop.domain.incident import course_events
from allstop.domain.incident import events as incident_events
from allstop.domain.moment import between, words
from allstop.domain.payload import for_incident
from allstop.domain.plan import events as plan_events
from allstop.domain.plan.state import Plan
from allstop.domain.planning.filling import filled_in, one_line
from allstop.domain.policy import ActionSpec, PolicyBook
from allstop.domain.readiness import NO_INCIDENT
from allstop.domain.recipes import recipes
from allstop.domain.record import Record
from allstop.domain.world import World

AGENT_TIMEOUT_MS = 5_000
NOTIFY_TIMEOUT_MS = 10_000
PREFLIGHT_TIMEOUT_MS = 60_000
# The name under which the coordinator itself answers as an actuator.
COORDINATOR = "coordinator"
# A service needs a moment to come up: a proof is looked for this often before it counts as missing.
PROBE_ATTEMPTS = 20

Reaction = Callable[[Record, World, PolicyBook], tuple[Effect, ...]]


def react(record: Record, world: World, book: PolicyBook) -> tuple[Effect, ...]:
    """The effects of one entry, in the world its transaction leaves. Never fails, reads nothing else.

    The idempotency key of an effect is its entry's place in the log, so the same entry can never
    lead to two different effects.
    """
    answer = REACTIONS.get(type(record.event))
    return answer(record, world, book) if answer is not None else ()


def react_all(records: Iterable[Record], world: World, book: PolicyBook) -> tuple[Effect, ...]:
    """The effects of several entries of one transaction."""
    return tuple(effect for record in records for effect in react(record, world, book))


def _id(record: Record) -> str:
    return record.stream.partition("/")[2]


def _key(record: Record, index: int) -> str:
    return f"{record.stream}:{record.version}:{index}"


def _to_agents(purpose: Purpose, verb: str, agents: Callable[[Any], tuple[str, ...]]) -> Reaction:
    """The same to each of the agents that the event names."""

    def answer(record: Record, world: World, _: PolicyBook) -> tuple[Effect, ...]:
        named = enumerate(agents(record.event))
        return tuple(
            _agent(record, world, purpose, verb, name, place)
            for place, name in named
            # What runs under a host is told, frozen and woken by it: the standing order says so.
            if name in world.agents and not world.halts[_id(record)].roll[name].hosted
        )

    return answer


def _freeze(record: Record, world: World, book: PolicyBook) -> tuple[Effect, ...]:
    """An agent that is unaccounted for is stopped by force, where the protocol says so."""
    force = book.pinned(world.halts[_id(record)].policy).protocol.all_stop.enforce
    hosted = world.halts[_id(record)].roll[record.event.agent].hosted
    if force != "freeze" or hosted or record.event.agent not in world.agents:
        return ()
    return (_agent(record, world, Purpose.FREEZE, "freeze", record.event.agent, 0),)


def _let_go(event: halt_events.ReleaseStaged) -> tuple[str, ...]:
    """Whom a part of a release wakes: no runtime of ours lets somebody use only some tools."""
    return event.agents if set(event.classes) >= set(CLASSES) else ()


def _agent(
    record: Record, world: World, purpose: Purpose, verb: str, name: str, index: int
) -> Effect:
    halt: Halt = world.halts[_id(record)]
    agent, line = world.agents[name], halt.roll[name]
    options = {
        **agent.options,
        "halt": halt.id,
        "incident": halt.incident,
        "reason": _what_changed(record, world, halt) if purpose is Purpose.RESUME else halt.reason,
        "checkpoint": line.checkpoint,
    }
    return Effect(
        _key(record, index), record.stream, purpose, name, agent.adapter, verb, name, options,
        Lane.HALT, AGENT_TIMEOUT_MS, halt.epoch,
    )  # fmt: skip


def _what_changed(record: Record, world: World, halt: Halt) -> str:
    """What an agent that may go on is told. No word of it was typed by anybody."""
    held = words(between(halt.ordered_at, record.at))
    incident = world.incidents.get(halt.incident)
    outcome = f"{incident.id} is {incident.state}; " if incident is not None else ""
    return (
        f"{halt.id} held you for {held}; {outcome}files and services may have changed since. "
        "Look at what is there now and plan again; do not replay what you were doing."
    )


def _diagnose(record: Record, world: World, book: PolicyBook) -> tuple[Effect, ...]:
    event: incident_events.EvidenceRequested = record.event
    service = book.pinned(world.incidents[_id(record)].policy).fleet.service(event.service)
    spec: ActionSpec | None = recipes(service).get(event.name) if service else None
    if spec is None:
        return ()
    return (
        Effect(
            _key(record, 0), record.stream, Purpose.EVIDENCE, event.id, spec.adapter, spec.verb, event.service,
            spec.options, Lane.COMMAND, spec.timeout_ms, world.epoch,
        ),
    )  # fmt: skip


def _notify(record: Record, world: World, book: PolicyBook) -> tuple[Effect, ...]:
    event: incident_events.NotificationRequested = record.event
    id = _id(record) or NO_INCIDENT
    about = world.proposals.get(id) or world.incidents.get(id)
    # What is about no incident is told over the channels there are now.
    policy = book.pinned(about.policy) if about is not None else book.latest
    channel = policy.roster.channel(event.channel)
    if channel is None:
        return ()
    options = {
        **for_incident(channel.options, id),
        "to": event.to,
        "subject": event.subject,
        "text": event.text,
    }
    if event.attachment:
        options |= {"attachment": event.attachment, "attachment_name": event.attachment_name}
    return (
        Effect(
            _key(record, 0), record.stream, Purpose.NOTIFY, event.id, channel.adapter, "post", event.to, options,
            Lane.PAGE, NOTIFY_TIMEOUT_MS, world.epoch, attempts=8,
        ),
    )  # fmt: skip


def _preflight(record: Record, world: World, book: PolicyBook) -> tuple[Effect, ...]:
    event: course_events.PreflightBegun = record.event
    incident = world.incidents[_id(record)]
    checks = list(book.pinned(incident.policy).protocol.preflight.checks)
    options = {"incident": incident.id, "checks": checks, "policy": incident.policy}
    return (
        Effect(
            _key(record, 0), record.stream, Purpose.PREFLIGHT, str(event.number), COORDINATOR,
            "preflight", incident.id, options, Lane.COMMAND, PREFLIGHT_TIMEOUT_MS, world.epoch,
        ),
    )  # fmt: skip


def _step(record: Record, world: World, _: PolicyBook) -> tuple[Effect, ...]:
    event: plan_events.StepStarted = record.event
    plan = world.plans[_id(record)]
    step = plan.step(event.step)
    if step is None or step.kind not in ("act", "probe"):
        return ()
    return (
        Effect(
            _key(record, 0), record.stream, Purpose.STEP, step.id, step.adapter, step.verb, step.service,
            filled_in(step.options, _words(world, plan)), Lane.COMMAND, step.timeout_ms, plan.epoch,
            attempts=PROBE_ATTEMPTS if step.kind == "probe" else 3, proof=step.proof,
        ),
    )  # fmt: skip


def _words(world: World, plan: Plan) -> dict[str, str]:
    """What may change between a plan's making and a step of it, so it is filled in when the step begins."""
    incident = world.incidents.get(plan.incident)
    if incident is None:
        return {}
    title = incident.id if incident.private else one_line(incident.title)
    severity = incident.severity or "unclassified"
    return {"severity": severity, "description": title, "incident": incident.id}


# What each event asks for; one that is not named here asks for nothing.
REACTIONS: dict[type, Reaction] = {
    halt_events.HaltOrdered: _to_agents(Purpose.TELL, "tell", lambda event: event.agents),
    halt_events.AgentHeld: _to_agents(Purpose.TELL, "tell", lambda event: (event.agent,)),
    halt_events.RollCallReminded: _to_agents(Purpose.TELL, "tell", lambda event: event.agents),
    halt_events.RollCallAnswered: _to_agents(
        Purpose.CONFIRM, "confirm", lambda event: (event.agent,)
    ),
    halt_events.AgentUnaccounted: _freeze,
    halt_events.ReleaseStaged: _to_agents(Purpose.RESUME, "resume", _let_go),
    halt_events.ReleaseAborted: _to_agents(Purpose.TELL, "tell", lambda event: event.agents),
    halt_events.HaltReleased: _to_agents(Purpose.RESUME, "resume", lambda event: event.agents),
    incident_events.EvidenceRequested: _diagnose,
    incident_events.NotificationRequested: _notify,
    course_events.PreflightBegun: _preflight,
    plan_events.StepStarted: _step,
}
