"""`react`: an entry -> the effects to attempt. Called once, when the entry is appended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from allstop.domain.effects import Effect, Lane, Purpose
from allstop.domain.halt import events as halt_events
from allstop.domain.halt.state import Halt
from allstop.domain.incident import course_events
from allstop.domain.incident import events as incident_events
from allstop.domain.plan import events as plan_events
from allstop.domain.policy import ActionSpec, PolicyBook
from allstop.domain.record import Record
from allstop.domain.world import World

AGENT_TIMEOUT_MS = 5_000
NOTIFY_TIMEOUT_MS = 10_000
PREFLIGHT_TIMEOUT_MS = 60_000
# The name under which the coordinator itself answers as an actuator.
COORDINATOR = "coordinator"
# A service needs a moment to come up: a proof is looked for this often before it counts as missing.
PROBE_ATTEMPTS = 20


def react(record: Record, world: World, book: PolicyBook) -> tuple[Effect, ...]:
    """The effects of one entry, in the world its transaction leaves. Never fails, reads nothing else.

    The idempotency key of an effect is its entry's place in the log, so the same entry can never
    lead to two different effects.
    """
    event: Any = record.event
    match event:
        case halt_events.HaltOrdered():
            return tuple(_tell(record, world, agent, n) for n, agent in enumerate(event.agents))
        case halt_events.AgentHeld(agent):
            return (_tell(record, world, agent, 0),)
        case halt_events.RollCallReminded(agents):
            return tuple(_tell(record, world, agent, n) for n, agent in enumerate(agents))
        case halt_events.RollCallAnswered(agent):
            return (_agent(record, world, Purpose.CONFIRM, "confirm", agent, 0),)
        case halt_events.AgentUnaccounted(agent):
            halt = world.halts[_id(record)]
            force = book.pinned(halt.policy).protocol.all_stop.enforce
            return (
                (_agent(record, world, Purpose.FREEZE, "freeze", agent, 0),)
                if force == "freeze"
                else ()
            )
        case halt_events.HaltReleased(_, agents):
            return tuple(
                _agent(record, world, Purpose.RESUME, "resume", agent, n)
                for n, agent in enumerate(agents)
            )
        case incident_events.EvidenceRequested():
            return _diagnose(record, world, book, event)
        case incident_events.NotificationRequested():
            return _notify(record, world, book, event)
        case course_events.PreflightBegun():
            return _preflight(record, world, book, event)
        case plan_events.StepStarted():
            return _step(record, world, event)
        case _:
            return ()


def react_all(records: Iterable[Record], world: World, book: PolicyBook) -> tuple[Effect, ...]:
    """The effects of several entries of one transaction."""
    return tuple(effect for record in records for effect in react(record, world, book))


def _id(record: Record) -> str:
    return record.stream.partition("/")[2]


def _key(record: Record, index: int) -> str:
    return f"{record.stream}:{record.version}:{index}"


def _tell(record: Record, world: World, agent: str, index: int) -> Effect:
    return _agent(record, world, Purpose.TELL, "tell", agent, index)


def _agent(
    record: Record, world: World, purpose: Purpose, verb: str, name: str, index: int
) -> Effect:
    halt: Halt = world.halts[_id(record)]
    agent, line = world.agents[name], halt.roll[name]
    options = {
        **agent.options,
        "halt": halt.id,
        "incident": halt.incident,
        "reason": halt.reason,
        "checkpoint": line.checkpoint,
    }
    return Effect(
        _key(record, index), record.stream, purpose, name, agent.adapter, verb, name, options,
        Lane.HALT, AGENT_TIMEOUT_MS, halt.epoch,
    )  # fmt: skip


def _diagnose(
    record: Record, world: World, book: PolicyBook, event: incident_events.EvidenceRequested
) -> tuple[Effect, ...]:
    service = book.pinned(world.incidents[_id(record)].policy).fleet.service(event.service)
    spec: ActionSpec | None = service.diagnose.get(event.name) if service else None
    if spec is None:
        return ()
    return (
        Effect(
            _key(record, 0), record.stream, Purpose.EVIDENCE, event.id, spec.adapter, spec.verb, event.service,
            spec.options, Lane.COMMAND, spec.timeout_ms, world.epoch,
        ),
    )  # fmt: skip


def _notify(
    record: Record, world: World, book: PolicyBook, event: incident_events.NotificationRequested
) -> tuple[Effect, ...]:
    id = _id(record)
    about = world.proposals.get(id) or world.incidents[id]
    channel = book.pinned(about.policy).roster.channel(event.channel)
    if channel is None:
        return ()
    options = {
        **_for_incident(channel.options, id),
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


def _for_incident(options: dict[str, Any], id: str) -> dict[str, Any]:
    """A channel's options with `{incident}` filled in, so that each incident may have its own."""
    return {
        key: value.replace("{incident}", id.lower()) if isinstance(value, str) else value
        for key, value in options.items()
    }


def _preflight(
    record: Record, world: World, book: PolicyBook, event: course_events.PreflightBegun
) -> tuple[Effect, ...]:
    incident = world.incidents[_id(record)]
    checks = list(book.pinned(incident.policy).protocol.preflight.checks)
    options = {"incident": incident.id, "checks": checks, "policy": incident.policy}
    return (
        Effect(
            _key(record, 0), record.stream, Purpose.PREFLIGHT, str(event.number), COORDINATOR,
            "preflight", incident.id, options, Lane.COMMAND, PREFLIGHT_TIMEOUT_MS, world.epoch,
        ),
    )  # fmt: skip


def _step(record: Record, world: World, event: plan_events.StepStarted) -> tuple[Effect, ...]:
    plan = world.plans[_id(record)]
    step = plan.step(event.step)
    if step is None or step.kind == "gate":
        return ()
    return (
        Effect(
            _key(record, 0), record.stream, Purpose.STEP, step.id, step.adapter, step.verb, step.service,
            step.options, Lane.COMMAND, step.timeout_ms, plan.epoch,
            attempts=PROBE_ATTEMPTS if step.kind == "probe" else 3,
        ),
    )  # fmt: skip
