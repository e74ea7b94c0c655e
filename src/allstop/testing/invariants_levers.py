"""What must hold of levers and circuits, and of deadlines that force."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from allstop.domain.breaker import Circuit
from allstop.domain.moment import after
from allstop.domain.plan import events as p
from allstop.domain.plan import lever_events as le
from allstop.domain.plan.cutting import KEEPS_DATA
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.plan.state import OVER
from allstop.domain.planning.degrading import pulled_levers
from allstop.testing.traces import Moment, Trace

Found = Iterator[tuple[str, object]]


def levers_in_time(trace: Trace) -> Found:
    """S21: only people extend a lever or force a circuit; by itself a lever is taken back only once its time is
    over, or its breaker has closed."""
    for moment in trace.moments_of(le.LeverExtended, le.CircuitForced, le.LeverExpired, p.PlanMade):
        event, actor = moment.record.event, moment.record.actor
        by_person = actor.startswith("person:")
        if isinstance(event, le.LeverExtended | le.CircuitForced) and not by_person:
            yield f"{moment.record.kind} by {actor}", moment
        if isinstance(event, le.LeverExpired):
            yield from _too_early(moment, event.service, event.lever)
        if isinstance(event, p.PlanMade) and event.purpose == "release" and not by_person:
            pulled = pulled_levers(moment.before)
            for name in event.asked.get("levers", ()):
                yield from _too_early(moment, *pulled[name])


def _too_early(moment: Moment, service: str, lever: str) -> Found:
    one = moment.before.standing_of(service).pulled.get(lever)
    if one is None:
        yield f"{service}:{lever} is not pulled", moment
        return
    closed = any(
        each.service == service and each.watches and each.state is Circuit.CLOSED
        for each in moment.before.circuits.values()
    )
    over = one.until is not None and one.until <= moment.record.at
    if not over and (not closed or one.kept):
        yield f"{service}:{lever} is taken back by {moment.record.actor} before its time", moment


def nobody_rushed(trace: Trace) -> Found:
    """S22: a deadline kills nobody before their time, nothing that is protected, and no data that is not safe."""
    for moment in trace.moments_of(p.NodeCutShort):
        event, plan = moment.record.event, moment.before.plans.get(moment.id)
        if plan is None or not isinstance(event, p.NodeCutShort):
            continue
        node = plan.routes.nodes[event.node]
        service = trace.book.pinned(plan.policy).fleet.service(node.service)
        begun = plan.started_at or plan.made_at
        if plan.state is not PlanState.RUNNING or not plan.asked.get("deadline_ms"):
            yield f"{event.node} is cut short in a plan that is {plan.state}", moment
        if not node.force_ms or after(begun, node.force_ms) > moment.record.at:
            yield f"{event.node} is cut short before its time", moment
        if service is None or service.protected or node.on_failure != "force":
            yield f"{event.node} may not be forced", moment
        for id in plan.routes.of_node.get(node.id, ()):
            keeps = plan.routes.steps[id].action in KEEPS_DATA
            if keeps and plan.standing(id).state not in OVER:
                yield f"{event.node} is cut short before {id} is over", moment


LEVERS: tuple[Callable[[Trace], Found], ...] = (levers_in_time, nobody_rushed)
