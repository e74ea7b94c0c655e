"""A release in stages: some go on first and are watched, and every next stage is again a person's word."""

from __future__ import annotations

from collections.abc import Iterable

from allstop.domain.draft import Draft, refuse
from allstop.domain.halt import commands as c
from allstop.domain.halt import events as e
from allstop.domain.halt.lifecycle import SETTLED, Hold
from allstop.domain.halt.scope import CLASSES, blocked
from allstop.domain.halt.state import Halt, Roll
from allstop.domain.moment import after, between, words
from allstop.domain.policy import ReleaseStage
from allstop.domain.record import halt_stream
from allstop.domain.verdict import nearest
from allstop.domain.world import World

READ = ("read",)


def go_on(draft: Draft, halt: Halt, reason: str) -> bool:
    """Begin the next stage of a release; whether none is left, so that the halt may end.

    Refuses while the stage before is still watched, and when something has happened in it. A stage that lets nobody go
    is passed over.
    """
    if halt.stage:
        _check_watched(draft, halt)
    for stage in _left(draft, halt):
        agents = _agents(draft.world, halt, stage)
        if agents:
            classes = READ if stage.name == "reading" else CLASSES
            counts = (len(draft.world.incidents), len(draft.world.halts))
            event = e.ReleaseStaged(stage.name, agents, classes, reason, *counts)
            draft.emit(halt_stream(halt.id), event)
            draft.result |= {"halt": halt.id, "stage": stage.name, "allowed": list(agents)}
            return False
    return True


def check_no_stage_left(draft: Draft, halt: Halt) -> None:
    """Refuse what would end a halt along the way whose release goes by stages."""
    watched = _watched_until(draft, halt) is None
    if watched and not any(_agents(draft.world, halt, stage) for stage in _left(draft, halt)):
        return
    text = f"{halt.id} stands, and its release goes by stages"
    refuse("release-first", text, f'allstop release {halt.id} --because "..."')


def abort(draft: Draft, halt: Halt, command: c.AbortRelease) -> None:
    """Put the halt back: whoever had been let go is told to stop again, and the roll is called anew."""
    if not halt.stage and not halt.asked_by:
        refuse("not-releasing", f"nobody has asked for the release of {halt.id}")
    agents = tuple(line.agent for line in halt.roll.values() if line.is_let_go)
    draft.emit(halt_stream(halt.id), e.ReleaseAborted(command.reason.strip(), agents))
    draft.result["halt"] = halt.id


def alarms(world: World, halt: Halt) -> tuple[str, ...]:
    """What has happened since the stage of a release began, a sentence each."""
    incidents, halts = halt.known
    stuck = (line.agent for line in halt.roll.values() if line.state is Hold.STUCK)
    return (
        *(f"{id} was declared since" for id in tuple(world.incidents)[incidents:]),
        *(f"{id} was ordered since" for id in tuple(world.halts)[halts:]),
        *(f"{agent} could not be told that it may go on" for agent in stuck),
    )


def _check_watched(draft: Draft, halt: Halt) -> None:
    found = alarms(draft.world, halt)
    if found:
        hint = f'allstop release {halt.id} --abort --because "..."'
        refuse("alarm", f"{halt.id}, stage {halt.stage}: {'; '.join(found)}", hint)
    left = _watched_until(draft, halt)
    if left is not None:
        text = f"{halt.id}, stage {halt.stage}, is watched for {words(left)} more"
        refuse("watched", text, f"allstop rollcall {halt.id}")


def _watched_until(draft: Draft, halt: Halt) -> int | None:
    """Milliseconds for which the stage of the moment is still to be watched, None when it was long enough."""
    stage = next((one for one in _stages(draft, halt) if one.name == halt.stage), None)
    if stage is None or halt.staged_at is None:
        return None
    left = between(draft.now.utc, after(halt.staged_at, stage.watch_ms))
    return left if left > 0 else None


def _stages(draft: Draft, halt: Halt) -> tuple[ReleaseStage, ...]:
    return draft.book.pinned(halt.policy).protocol.all_stop.stages


def _left(draft: Draft, halt: Halt) -> tuple[ReleaseStage, ...]:
    """The stages behind the one of the moment."""
    stages = _stages(draft, halt)
    names = [one.name for one in stages]
    return stages[names.index(halt.stage) + 1 :] if halt.stage in names else stages


def _agents(world: World, halt: Halt, stage: ReleaseStage) -> tuple[str, ...]:
    """Whom a stage lets go on. Only agents that no other halt holds, but for reading."""
    held = [line for line in halt.roll.values() if not line.is_let_go]
    if stage.name == "reading":
        return tuple(line.agent for line in held) if "read" in blocked(halt.classes) else ()
    free = [line for line in held if world.holders(line.agent) == (halt,)]
    if stage.name == "responders":
        crews = (
            world.incidents[halt.incident].crews.values()
            if halt.incident in world.incidents
            else ()
        )
        members = {member for crew in crews for member in crew.members}
        return tuple(line.agent for line in free if line.agent in members)
    return _one_a_team(world, free)


def _one_a_team(world: World, free: Iterable[Roll]) -> tuple[str, ...]:
    """The first of each team, best one that is known to have stopped: then what it does is what it was let do."""
    chosen: dict[str, Roll] = {}
    for line in free:
        team = world.agents[line.agent].team
        if team not in chosen or (line.state in SETTLED and chosen[team].state not in SETTLED):
            chosen[team] = line
    return tuple(line.agent for line in chosen.values())


def of(draft: Draft, id: str) -> Halt:
    """A halt that stands. Refuses an unknown one and one that was released."""
    halt = draft.world.halts.get(id)
    if halt is None:
        refuse("unknown-halt", f"there is no halt {id}", nearest(id, draft.world.halts))
    if not halt.stands:
        refuse("already-released", f"{halt.id} was released by {halt.released_by}")
    return halt
