"""Deadlines: which clocks run, what they were computed from, and when an update is due.

What is owed follows from the state (`wanted`); the instant is computed when a clock starts and stored
with its basis (`deadline.set`), so that neither a restart nor an edited calendar moves it. A deadline
is missed once under its id; after a reopening the response has new ids (`acknowledge@2`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache

from allstop.domain.authority import people_meant
from allstop.domain.business_time import due_at, share_at
from allstop.domain.gates import begins_behind_containment
from allstop.domain.incident.parts import Clock
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after, between, words
from allstop.domain.policy import CriterionKind, Policy
from allstop.domain.policy.protocol import DeadlineRule
from allstop.domain.policy.spans import Span
from allstop.domain.progress import mark_words, reached
from allstop.domain.severity import worse
from allstop.domain.span_words import span_words
from allstop.domain.world import World

# Ids of promises begin with these; everything else is about the response.
OBLIGATION, ACTION = "obligation:", "action:"
ANSWER = "acknowledge"
PROMISES = (OBLIGATION, ACTION)


def running(world: World, policy: Policy, incident: Incident) -> tuple[Clock, ...]:
    """Every deadline that is not kept yet, the earliest first; those that were missed included."""
    return tuple(sorted(wanted(world, policy, incident), key=lambda clock: clock.at))


def unset(world: World, policy: Policy, incident: Incident) -> tuple[Clock, ...]:
    """Deadlines that are owed and were not recorded yet, or whose basis has changed since."""
    clocks = wanted(world, policy, incident)
    return tuple(clock for clock in clocks if is_unset(incident, clock))


def is_unset(incident: Incident, clock: Clock) -> bool:
    """Whether it has to be recorded; what was missed stays as it was set then."""
    return not is_set(incident, clock) and clock.deadline not in incident.missed


def is_set(incident: Incident, clock: Clock) -> bool:
    """Whether it is on the record as it is wanted now."""
    stored = incident.clocks.get(clock.deadline)
    return stored is not None and stored.basis == clock.basis


def was_warned(incident: Incident, clock: Clock) -> bool:
    """Whether somebody was told that it will be missed."""
    id = clock.deadline.partition("@")[0] if is_obligation(clock.deadline) else clock.deadline
    return id in incident.warned


def is_obligation(deadline: str) -> bool:
    return deadline.startswith(OBLIGATION)


def obligation_of(deadline: str) -> str:
    """The id of the obligation a deadline is about."""
    return deadline.removeprefix(OBLIGATION).partition("@")[0]


def call_of(deadline: str) -> str:
    """The number of the call, for a deadline that calls the next one of the chain; empty for others."""
    kind, _, level = deadline.partition("@")[0].partition(":")
    return level if kind == ANSWER else ""


def timers(policy: Policy, incident: Incident) -> tuple[tuple[str, datetime], ...]:
    """Timer criteria of the present phase that have not elapsed, each with the instant at which it does.

    In the last phase those of standing down run too.
    """
    if not incident.phases or not incident.is_open:
        return ()
    phase, entered = incident.phases[-1]
    gate = policy.protocol.phase(phase).exit
    if policy.protocol.next_phase(phase) is None:
        gate = (*gate, *policy.protocol.stand_down)
    return tuple(
        (one.id, after(entered, one.window_ms))
        for one in gate
        if one.kind is CriterionKind.TIMER and one.id not in incident.timers
    )


def wanted(world: World, policy: Policy, incident: Incident) -> tuple[Clock, ...]:
    """What is owed now and not kept yet, by the state alone; missed ones included.

    A clock that was set comes as it was stored, so nothing computes its instant twice. Whoever decides,
    `due` and the views ask for the same after each command: it is worked out once for one world.
    """
    known = world.remembered.get(incident.id)
    if known is None or known[0] is not incident or known[1] is not policy:
        known = (incident, policy, _wanted(world, policy, incident))
        world.remembered[incident.id] = known
    clocks: tuple[Clock, ...] = known[2]
    return clocks


def _wanted(world: World, policy: Policy, incident: Incident) -> tuple[Clock, ...]:
    parts: tuple[Callable[[World, Policy, Incident], Iterator[Clock]], ...] = ()
    if incident.is_open and incident.severity_at is not None:
        parts = (_answering, _updating, _targets, _rules, _objectives, _expected, _owed, _actions)
    elif incident.is_owing:
        parts = (_owed, _actions)
    found: dict[str, Clock] = {}
    for part in parts:
        for clock in part(world, policy, incident):
            # Two of one name would be set in turns for ever.
            found.setdefault(clock.deadline, clock)
    return tuple(found.values())


def update_due_at(incident: Incident, policy: Policy) -> datetime | None:
    """When the next update is due; None when the severity owes none.

    It counts from the last update, or from when the present severity was set if that was later: the
    announcement of a severity tells people as much as an update does.
    """
    every = policy.protocol.severity(incident.severity).update_every
    if every is None:
        return None
    return due_at(_last_heard(incident), every, policy.protocol.calendar)


def chain_of(policy: Policy, incident: Incident) -> tuple[str, ...]:
    """Who hears of missed deadlines: the chain of its kind of emergency, or the protocol's."""
    kind = policy.protocol.activation.kind(incident.kind)
    return kind.escalation if kind and kind.escalation else policy.protocol.escalation.chain


def reachable(policy: Policy, incident: Incident) -> tuple[tuple[str, ...], ...]:
    """The people of each entry of the chain that means somebody; without any, the owner."""
    chain = (people_meant(policy, incident.roles, entry) for entry in chain_of(policy, incident))
    found = tuple(people for people in chain if people)
    if found:
        return found
    owners = people_meant(policy, incident.roles, "owner")
    return (owners,) if owners else ()


def marks_missing(world: World, policy: Policy, incident: Incident, deadline: str) -> str:
    """What a deadline of the protocol still waits for, in words; empty for any other deadline."""
    kind, _, name = deadline.partition("@")[0].partition(":")
    rules = [rule for rule in policy.protocol.deadlines if kind == "rule" and rule.id == name]
    return ", ".join(
        mark_words(mark)
        for rule in rules
        for mark in rule.until
        if not reached(world, policy, incident, mark)
    )


def _answering(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    """The acknowledgement; while it stays away, the chain goes on."""
    del world
    if incident.acknowledged_at is not None or incident.severity_at is None:
        return
    respond = policy.protocol.severity(incident.severity).respond
    id = _id(incident, ANSWER)
    what = "nobody acknowledged within"
    clock = _clock(policy, incident, id, what, incident.severity_at, respond)
    yield _not_postponed(policy, incident, clock)
    yield from _calls(policy, incident, id)


def _not_postponed(policy: Policy, incident: Incident, clock: Clock) -> Clock:
    """A severity that was raised never leaves more time to answer than the milder one did."""
    stored = incident.clocks.get(clock.deadline)
    if stored is None or stored.basis == clock.basis or stored.at >= clock.at:
        return clock
    before = stored.basis.partition(" ")[0]
    known = {rule.name for rule in policy.protocol.severities}
    if before not in known or worse(policy.protocol, before, incident.severity) == before:
        return clock
    return Clock(clock.deadline, clock.what, stored.at, clock.basis)


def _calls(policy: Policy, incident: Incident, first: str) -> Iterator[Clock]:
    """The next one of the chain is called, until there is nobody further."""
    every = policy.protocol.escalation.every_ms
    last = incident.clocks.get(first)
    if not every or first not in incident.missed:
        return
    for level in range(2, len(reachable(policy, incident)) + 1):
        if last is None or last.deadline not in incident.missed:
            return
        id = _id(incident, f"{ANSWER}:{level}")
        what = f"still nobody has acknowledged, call {level}"
        stored = incident.clocks.get(id)
        yield stored or Clock(id, what, after(last.at, every), f"call after {last.deadline}")
        last = stored


def _updating(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    del world
    every = policy.protocol.severity(incident.severity).update_every
    if every is None:
        return
    number, heard = incident.updates + 1, _last_heard(incident)
    id, basis = _id(incident, f"update:{number}"), f"{incident.severity} after {heard}"
    clock = _as_set(incident, id, basis)
    if clock is None:
        due = due_at(heard, every, policy.protocol.calendar)
        late = after(due, policy.protocol.updates.grace_ms)
        clock = Clock(id, f"update {number} is late", late, basis)
    yield clock


def _targets(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    targets = policy.protocol.severity(incident.severity).targets
    for name, target, mark in (
        ("contain", targets.contain_ms, "contained"),
        ("resolve", targets.resolve_ms, "resolved"),
    ):
        if target is None or reached(world, policy, incident, mark):
            continue
        if name == "contain" and begins_behind_containment(policy, incident):
            continue
        id = _id(incident, f"target:{name}")
        yield _clock(policy, incident, id, f"not {mark} within", incident.begun, Span(target))


def _rules(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    """The protocol's own deadlines, until all of their marks are reached."""
    for rule in policy.protocol.deadlines:
        span, start = rule.within.at(incident.severity), _start_of(rule, incident)
        if span is None or start is None:
            continue
        if all(reached(world, policy, incident, mark) for mark in rule.until):
            continue
        id = _id(incident, f"rule:{rule.id}")
        yield _clock(policy, incident, id, f"{rule.title}: not within", start, span)


def _start_of(rule: DeadlineRule, incident: Incident) -> datetime | None:
    kind, _, name = rule.begins.partition(":")
    if kind != "phase":
        return incident.severity_at if kind == "severity" else incident.begun
    entered = [at for phase, at in incident.phases_now if phase == name]
    return entered[-1] if entered else None


def _objectives(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    """Recovery time objectives of the services that are hit (PI-11): warned of, then missed."""
    if reached(world, policy, incident, "mitigated"):
        return
    for name in incident.services:
        service = policy.fleet.service(name)
        for objective in policy.protocol.objectives:
            span = objective.rto.at(incident.severity)
            if service is None or service.service_class != objective.service_class or span is None:
                continue
            what = f"{name}: not recovered within its objective of"
            id = _id(incident, f"rto:{name}")
            percent = policy.protocol.warn_at_percent
            yield _clock(policy, incident, id, what, incident.begun, span, warn_percent=percent)


def _expected(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    """It takes longer than was expected (PT-10)."""
    at = incident.expected_at
    # What was expected before it was reopened is no promise about the new response.
    if at is None or at <= incident.begun or reached(world, policy, incident, "resolved"):
        return
    id, basis = _id(incident, f"expected:{at:%Y-%m-%dT%H:%M}"), f"expected {at}"
    what = f"not over at {at:%H:%M} UTC, as was expected"
    yield _as_set(incident, id, basis) or Clock(id, what, at, basis)


def _owed(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    del world, policy
    for owed in incident.obligations.values():
        if owed.met:
            continue
        # What began before the end goes on through a reopening; the rest begins again.
        id = f"{OBLIGATION}{owed.id}"
        id = id if owed.begins != "stood-down" else _id(incident, id)
        what, basis = f"owed by the {owed.owner} and not done: {owed.title}", f"due {owed.due_at}"
        yield _as_set(incident, id, basis) or Clock(id, what, owed.due_at, basis, owed.remind_at)


def _actions(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    del world, policy
    for item in incident.actions.values():
        if item.state != "open":
            continue
        id, basis = f"{ACTION}{item.id}", f"due {item.due_at}"
        first = incident.clocks.get(id)
        if id in incident.missed and first is not None and first.basis != basis:
            # It was late, and has a new date: that one can be missed as well.
            id += f":{item.due_at:%Y-%m-%dT%H:%M}"
        what = f"action item {item.id} of {item.owner} is late: {item.title}"
        yield _as_set(incident, id, basis) or Clock(id, what, item.due_at, basis)


def _clock(
    policy: Policy, incident: Incident, id: str, what: str, start: datetime, span: Span,
    *, warn_percent: int = 0,
) -> Clock:  # fmt: skip
    """A span from an instant; the basis begins with the severity it holds for. what: but for the span."""
    basis = _basis(incident.severity, span, start)
    stored = _as_set(incident, id, basis)
    if stored is not None:
        return stored
    calendar = policy.protocol.calendar
    warn = share_at(start, span, warn_percent, calendar) if warn_percent else None
    text = f"{what} {span_words(span)}"
    return Clock(id, text, due_at(start, span, calendar), basis, warn)


@lru_cache(maxsize=1024)
def _basis(severity: str, span: Span, start: datetime) -> str:
    """What an instant is computed from, in words. The same few are asked for with every entry."""
    return f"{severity} {span_words(span)} from {start}"


def _as_set(incident: Incident, id: str, basis: str) -> Clock | None:
    """The clock on the record, when it was set on this basis."""
    stored = incident.clocks.get(id)
    return stored if stored is not None and stored.basis == basis else None


def _id(incident: Incident, name: str) -> str:
    """Every response of an incident has ids of its own: each can be missed once."""
    return f"{name}@{len(incident.reopened) + 1}" if incident.reopened else name


def lasted(incident: Incident, until: datetime) -> str:
    """How long it has lasted, in words; of one that was reopened, this response and all of it."""
    every = words(between(incident.declared_at, until))
    if not incident.reopened:
        return every
    return f"{words(between(incident.begun, until))} since it was opened again, {every} in all"


def _last_heard(incident: Incident) -> datetime:
    last = incident.last_update_at or incident.declared_at
    return max(last, incident.severity_at or last)
