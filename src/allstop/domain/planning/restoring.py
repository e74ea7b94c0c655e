"""A restore: what is there is kept first, then a copy that was proven takes its place, and is looked at before
anybody gets in again."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from allstop.domain.draft import refuse
from allstop.domain.fleet.copies import Copy, proven_copy
from allstop.domain.fleet.graph import blast_radius
from allstop.domain.fleet.ordering import importance_rank
from allstop.domain.moment import between, time_words
from allstop.domain.moment import words as duration
from allstop.domain.plan.asked import Outlook
from allstop.domain.plan.events import Bite, Node, Step
from allstop.domain.planning.drawn import Drawn, Setting
from allstop.domain.planning.filling import PLAIN_NAME, has_word
from allstop.domain.planning.node_steps import act, chain
from allstop.domain.planning.returning import (
    common_bites,
    filled_act,
    function_gate,
    opening,
    own_gate,
    stays_closed,
    times_of,
    words_of,
)
from allstop.domain.planning.selecting import select
from allstop.domain.planning.stopping import few, pace
from allstop.domain.policy import Clock, Service

# Before anything is written over: nothing new comes in, and what is there is copied.
_CLOSING = ("quiesce", "drain", "fence")
_KEEPING = ("snapshot", "verify-snapshot")


def draw_restore(it: Setting) -> Drawn:
    """Bring the data of one service back, as a proven copy has it or as it was at an instant."""
    service = _service(it)
    until = _instant(it)
    copy = _copy(it, service, until)
    before = _steps_before(it, service)
    words = {**words_of(it), "copy": copy.name, "until": until.isoformat() if until else ""}
    restore = filled_act(service, "restore", words, _last(before))
    # What only takes a copy ends there, whatever instant somebody has asked for.
    reached = until if _reaches(service) else None
    restore = replace(restore, title=f"restore {service.name} {_how(copy, reached)}")
    steps = [*before, restore, *_steps_after(it, service, restore)]
    last, gates = function_gate(it.policy, (service.name,), (service.name,))
    radius = tuple(sorted(blast_radius(it.policy.fleet, (service.name,))))
    time = times_of(it, service, (*steps, *gates))
    rank = importance_rank(it.policy.fleet)[service.name]
    node = Node(
        service.name, service.name, (), "hold", rank, time, service.host, service.zone,
    )  # fmt: skip
    return Drawn(
        f"restore {service.name} {_how(copy, reached)}",
        (node, *last),
        (*steps, *gates),
        pace(it.policy.fleet.limits),
        _bites(it, service, copy, steps),
        Outlook(
            time, time, (service.name,), radius,
            at_risk=() if any(one.action in _KEEPING for one in steps) else (service.name,),
            lacking=_lacking(it, service, until), notes=_notes(it, service, copy, reached),
        ),
    )  # fmt: skip


def _service(it: Setting) -> Service:
    chosen = select(it.policy.fleet, it.asked.targets)
    if len(chosen) != 1:
        text = f"a restore is of one service, and {few(chosen) or 'none'} is named"
        refuse("one-service", text, "allstop plan restore SERVICE")
    service = it.policy.fleet.service(chosen[0])
    assert service is not None, "select gives services of the fleet"
    if "restore" not in service.actions:
        hint = "add actions.restore to fleet.yaml"
        refuse("not-available", f"{service.name} has no restore", hint)
    return service


def _instant(it: Setting) -> datetime | None:
    """The instant somebody asks for. Refuses one without a zone, and one that has not been yet."""
    if not it.asked.until:
        return None
    try:
        until = datetime.fromisoformat(it.asked.until)
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        hint = "write it with its zone: 2026-11-21T03:55:00+00:00"
        refuse("bad-instant", f"{it.asked.until[:40]!r} is no instant", hint)
    if until >= it.now:
        refuse("bad-instant", f"{time_words(until)} is not over yet", "an instant of the past")
    return until


def _copy(it: Setting, service: Service, until: datetime | None) -> Copy:
    """The copy to begin from. Refuses where no restore has ever proven one that will do."""
    named = has_word(service.actions["restore"].options, "copy")
    found = proven_copy(it.world.copies, service.name, until, named=named)
    if found is None:
        when = f" that was complete by {time_words(until)}" if until else ""
        text = f"no copy of {service.name}{when} has been proven by a restore"
        refuse(
            "no-proven-copy", text, f"take one and prove it: allstop plan snapshot {service.name}"
        )
    if found.name and not PLAIN_NAME.fullmatch(found.name):
        refuse("bad-copy", f"{found.name[:40]!r} cannot be the name of a copy")
    return found


def _steps_before(it: Setting, service: Service) -> list[Step]:
    """Close it, keep what is there, stop it; nothing of that for a service that is stopped already."""
    if it.world.standing_of(service.name).stopped:
        return []
    keeping = _KEEPING if _can_keep(service) else ()
    wanted = (*_CLOSING, *keeping, *(("stop",) if _restarts(service) else ()))
    return chain(service, [one for one in wanted if one in service.actions])


def _can_keep(service: Service) -> bool:
    """Whether what is there may be copied first: a restore that does not name its copy would take that one."""
    named = has_word(service.actions["restore"].options, "copy")
    return named and "snapshot" in service.actions


def _reaches(service: Service) -> bool:
    """Whether the restore can go on from its copy to an instant."""
    return has_word(service.actions["restore"].options, "until")


def _restarts(service: Service) -> bool:
    """Whether the restore finds it stopped: only what can be started again is."""
    return {"stop", "start"} <= service.actions.keys()


def _steps_after(it: Setting, service: Service, restore: Step) -> list[Step]:
    """Start it, look at it, and only then let anybody in."""
    standing = it.world.standing_of(service.name)
    steps = [act(service, "start", (restore.id,))] if "start" in service.actions else []
    steps += own_gate(it.policy, service, _last(steps) or (restore.id,))
    closed = standing.closed
    if not standing.stopped:
        closed |= {one for one in _CLOSING if one in service.actions}
    after = _last(steps) or (restore.id,)
    return [*steps, *opening(it.policy, service, closed, standing.capacity, after)]


def _last(steps: list[Step]) -> tuple[str, ...]:
    return (steps[-1].id,) if steps else ()


def _how(copy: Copy, until: datetime | None) -> str:
    if until is not None:
        return f"as it was at {_exactly(until)}"
    return f"from its copy of {_exactly(copy.taken_at)}"


def _exactly(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


def _bites(it: Setting, service: Service, copy: Copy, steps: list[Step]) -> tuple[Bite, ...]:
    name, found = service.name, common_bites(it, (service,))
    actions = {one.action for one in steps}
    if "snapshot" not in actions:
        why = "it is stopped" if it.world.standing_of(name).stopped else "it has no snapshot"
        if "snapshot" in service.actions and not _can_keep(service):
            why = "its restore does not name the {copy} it begins with"
        text = f"{why}, so no copy of what is there now is made first"
        found.append(Bite("irreversible", name, text))
    elif "verify-snapshot" not in actions:
        found.append(Bite("data-unproven", name, "nothing proves the copy of what is there now"))
    age = between(copy.proven_at or copy.taken_at, it.now)
    limit = it.policy.fleet.limits.backup_ms
    if age > limit:
        # Without the age: it grows, and the plan stays the same.
        text = f"its copy was proven {_exactly(copy.proven_at or copy.taken_at)}, longer ago than {duration(limit)}"
        found.append(Bite("copy-too-old", name, text))
    if "restored" not in service.verify and not service.probes:
        found.append(Bite("unproven", name, "no probe looks at what was restored"))
    return tuple(dict.fromkeys(found))


def _notes(it: Setting, service: Service, copy: Copy, until: datetime | None) -> tuple[str, ...]:
    lost = between(until or copy.taken_at, it.now)
    rpo = _rpo(it, service)
    beside = f"; {duration(rpo)} may be lost (RPO)" if rpo is not None else "; no RPO is set"
    begins = f"the copy {copy.name or 'it begins with'} of {_exactly(copy.taken_at)}"
    return (
        f"lost for good: whatever {service.name} was told in the last {duration(lost)}{beside}",
        f"{begins} was proven {_exactly(copy.proven_at or copy.taken_at)}",
    )


def _rpo(it: Setting, service: Service) -> int | None:
    if service.rpo_ms is not None:
        return service.rpo_ms
    objectives = it.policy.protocol.objectives
    mine = (one.rpo for one in objectives if one.service_class == service.service_class)
    rpo = next(mine, None)
    return rpo.amount if rpo and rpo.clock is Clock.WALL else None


def _lacking(it: Setting, service: Service, until: datetime | None) -> tuple[str, ...]:
    name = service.name
    found = [f"{name}: no {one}" for one in (*_CLOSING, *_KEEPING) if one not in service.actions]
    if "restored" not in service.verify:
        found.append(f"{name}: no probe proves that it is restored")
    if not _restarts(service):
        found.append(f"{name}: no stop and start, so it is restored while it runs")
    if until is not None and not _reaches(service):
        found.append(f"{name}: no {{until}} in its restore, so it ends at the copy before it")
    found += stays_closed(service, it.world.standing_of(name).closed)
    return tuple(found)
