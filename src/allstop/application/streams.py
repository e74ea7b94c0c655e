"""Which streams of the log belong to an incident: its own, those of its halts, and those of its plans."""

from __future__ import annotations

from allstop.domain.record import halt_stream, incident_stream, plan_stream
from allstop.domain.world import World


def streams_of(world: World, incident: str) -> tuple[str, ...]:
    """Of its whole history, with what was before it was reopened."""
    return (
        incident_stream(incident),
        *(halt_stream(halt.id) for halt in world.all_halts_of(incident)),
        *(plan_stream(plan.id) for plan in world.all_plans_of(incident)),
    )


def incident_of(world: World, stream: str) -> str:
    """The incident that a stream belongs to; empty for one that belongs to none."""
    kind, _, id = stream.partition("/")
    match kind:
        case "incident":
            return id
        case "halt" if id in world.halts:
            return world.halts[id].incident
        case "plan" if id in world.plans:
            return world.plans[id].incident
    return ""
