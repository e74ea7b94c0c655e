"""Deadlines: which clocks run, what they were computed from, and when an update is due.

What is owed follows from the state (`wanted`); the instant is computed when a clock starts and stored
with its basis (`deadline.set`), so that neither a restart nor an edited calendar moves it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from allstop.domain.business_time import due_at
from allstop.domain.incident.parts import Clock
from allstop.domain.incident.state import Incident
from allstop.domain.moment import after, between
from allstop.domain.policy import Policy
from allstop.domain.policy.protocol import DeadlineRule
from allstop.domain.policy.spans import Span
from allstop.domain.progress import mark_words, reached
from allstop.domain.span_words import span_words
from allstop.domain.world import World


def running(world: World, policy: Policy, incident: Incident) -> tuple[Clock, ...]:
    """Every deadline that is not kept yet, at the instant that was stored when it was set."""
    found = []
    for clock in wanted(world, policy, incident):
        stored = incident.clocks.get(clock.deadline)
        found.append(stored if stored and stored.basis == clock.basis else clock)
    return tuple(found)


def unset(world: World, policy: Policy, incident: Incident) -> tuple[Clock, ...]:
    """Deadlines that are owed and were not recorded yet, or whose basis has changed since."""
    return tuple(
        clock
        for clock in wanted(world, policy, incident)
        if clock.deadline not in incident.missed
        and (
            clock.deadline not in incident.clocks
            or incident.clocks[clock.deadline].basis != clock.basis
        )
    )


def wanted(world: World, policy: Policy, incident: Incident) -> tuple[Clock, ...]:
    """What is owed now and not kept yet, computed from the state alone; missed ones included."""
    parts: tuple[Callable[[World, Policy, Incident], Iterator[Clock]], ...] = ()
    if incident.is_open and incident.severity_at is not None:
        parts = (_answering, _updating, _targets, _rules, _objectives, _expected, _owed)
    elif incident.is_owing:
        parts = (_owed, _actions)
    return tuple(clock for part in parts for clock in part(world, policy, incident))


def update_due_at(incident: Incident, policy: Policy) -> datetime | None:
    """When the next update is due; None when the severity owes none."""
    every = policy.protocol.severity(incident.severity).update_every
    if every is None:
        return None
    last = incident.last_update_at or incident.declared_at
    return due_at(max(last, incident.severity_at or last), every, policy.protocol.calendar)


def _answering(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    """The acknowledgement; while it stays away, the chain goes on."""
    del world
    if incident.acknowledged_at is not None or incident.severity_at is None:
        return
    respond = policy.protocol.severity(incident.severity).respond
    what = f"nobody acknowledged within {span_words(respond)}"
    start = incident.severity_at
    yield _clock("acknowledge", what, start, respond, policy, incident.severity)
    every = policy.protocol.escalation.every_ms
    last = incident.clocks.get("acknowledge")
    level = 2
    while every and last and last.deadline in incident.missed:
        if level > len(chain_of(policy, incident)):
            return
        id = f"acknowledge:{level}"
        yield Clock(
            id, f"still nobody has acknowledged, call {level}", after(last.at, every), last.deadline
        )
        last = incident.clocks.get(id)
        level += 1


def _updating(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    del world
    due = update_due_at(incident, policy)
    if due is not None:
        number = incident.updates + 1
        late = after(due, policy.protocol.updates.grace_ms)
        basis = f"{incident.severity} after {incident.last_update_at or incident.declared_at}"
        yield Clock(f"update:{number}", f"update {number} is late", late, basis)


def _targets(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    targets = policy.protocol.severity(incident.severity).targets
    for name, target, mark in (
        ("contain", targets.contain_ms, "contained"),
        ("resolve", targets.resolve_ms, "resolved"),
    ):
        if target is not None and not reached(world, policy, incident, mark):
            span = Span(target)
            what = f"not {mark} within {span_words(span)}"
            start = _begun(incident)
            yield _clock(f"target:{name}", what, start, span, policy, incident.severity)


def _rules(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    """The protocol's own deadlines, until all of their marks are reached."""
    for rule in policy.protocol.deadlines:
        span, start = rule.within.at(incident.severity), _start_of(rule, incident)
        missing = [m for m in rule.until if not reached(world, policy, incident, m)]
        if span is not None and start is not None and missing:
            what = f"{rule.title}: not within {span_words(span)}"
            clock = _clock(f"rule:{rule.id}", what, start, span, policy, incident.severity)
            yield clock


def _start_of(rule: DeadlineRule, incident: Incident) -> datetime | None:
    kind, _, name = rule.begins.partition(":")
    if kind == "phase":
        entered = [at for phase, at in incident.phases if phase == name]
        return entered[-1] if entered else None
    return incident.severity_at if kind == "severity" else _begun(incident)


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
            what = f"{name}: not recovered within its objective of {span_words(span)}"
            clock = _clock(f"rto:{name}", what, _begun(incident), span, policy, incident.severity)
            share = between(_begun(incident), clock.at) * policy.protocol.warn_at_percent // 100
            warn = after(_begun(incident), share)
            yield Clock(clock.deadline, clock.what, clock.at, clock.basis, warn)


def _expected(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    """It takes longer than was expected (PT-10)."""
    if incident.expected_at is not None and not reached(world, policy, incident, "resolved"):
        id = f"expected:{incident.expected_at:%Y-%m-%dT%H:%M}"
        what = f"not over at {incident.expected_at:%H:%M} UTC, as was expected"
        yield Clock(id, what, incident.expected_at, str(incident.expected_at))


def _owed(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    del world, policy
    for owed in incident.obligations.values():
        if not owed.met:
            what = f"owed by the {owed.owner} and not done: {owed.title}"
            yield Clock(
                f"obligation:{owed.id}", what, owed.due_at, str(owed.due_at), owed.remind_at
            )


def _actions(world: World, policy: Policy, incident: Incident) -> Iterator[Clock]:
    del world, policy
    for item in incident.actions.values():
        if item.state == "open":
            what = f"action item {item.id} of {item.owner} is late: {item.title}"
            yield Clock(f"action:{item.id}", what, item.due_at, str(item.due_at))


def _clock(id: str, what: str, start: datetime, span: Span, policy: Policy, severity: str) -> Clock:
    at = due_at(start, span, policy.protocol.calendar)
    return Clock(id, what, at, f"{severity} {span_words(span)} from {start}")


def _begun(incident: Incident) -> datetime:
    """When the response began: the declaration, or the last time it was reopened."""
    return incident.reopened[-1] if incident.reopened else incident.declared_at


def chain_of(policy: Policy, incident: Incident) -> tuple[str, ...]:
    """Who hears of missed deadlines: the chain of its kind of emergency, or the protocol's."""
    kind = policy.protocol.activation.kind(incident.kind)
    return kind.escalation if kind and kind.escalation else policy.protocol.escalation.chain


def marks_missing(world: World, policy: Policy, incident: Incident, rule: DeadlineRule) -> str:
    """What a deadline of the protocol still waits for, in words."""
    return ", ".join(
        mark_words(mark) for mark in rule.until if not reached(world, policy, incident, mark)
    )
