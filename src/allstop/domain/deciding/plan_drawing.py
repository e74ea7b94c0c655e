"""Plans that somebody asks for: drawn from the fleet as it stands, and drawn again before they start."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from allstop.domain.authority import may
from allstop.domain.deciding.signing import ask, need_of, review_by
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.incident.state import Incident
from allstop.domain.moment import between, words
from allstop.domain.plan import commands as c
from allstop.domain.plan import events as e
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.lifecycle import PlanState
from allstop.domain.plan.state import ENDED, Plan
from allstop.domain.planning.degrading import draw_degradation
from allstop.domain.planning.drawn import Drawn
from allstop.domain.planning.isolating import draw_isolation
from allstop.domain.planning.recovering import draw_recovery
from allstop.domain.planning.stopping import draw_stop
from allstop.domain.planning.undoing import draw_undo
from allstop.domain.policy import Policy
from allstop.domain.record import plan_stream
from allstop.domain.verdict import nearest
from allstop.domain.world import World

# What can be asked for, and how it is drawn. `contain` is an isolation.
DRAWERS: dict[str, Callable[[World, Policy, Asked], Drawn]] = {
    "contain": lambda world, policy, asked: draw_isolation(world, policy.fleet, asked),
    "degrade": lambda world, policy, asked: draw_degradation(world, policy.fleet, asked),
    "stop": lambda world, policy, asked: draw_stop(world, policy.fleet, asked),
    "recover": draw_recovery,
    "undo": lambda world, policy, asked: draw_undo(world, policy.fleet, asked),
}
_UNDER_WAY = (PlanState.RUNNING, PlanState.HELD, PlanState.PAUSED)


def draw(world: World, policy: Policy, asked: Asked) -> Drawn:
    """The plan as it would be made now; nothing is recorded. Refuses with every reason why there is none."""
    drawer = DRAWERS.get(asked.purpose)
    if drawer is None:
        hint = nearest(asked.purpose, DRAWERS)
        refuse("unknown-purpose", f"there is no plan to {asked.purpose or 'do nothing'}", hint)
    return drawer(world, policy, asked)


def draw_plan(draft: Draft, command: c.DrawPlan) -> None:
    """Make a plan that somebody asks for. Nothing of it happens before it is started."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("plan", draft.who, policy, incident.roles))
    drawn = draw(draft.world, policy, command.asked)
    need = need_of_drawn(policy, incident, command.asked, drawn)
    id = f"PLAN-{len(draft.world.plans) + 1}"
    event = e.PlanMade(
        id, incident.id, command.asked.purpose, drawn.title, drawn.steps, drawn_hash(drawn),
        need.words(), draft.world.epoch + 1, incident.policy, need.by, need.people, need.reviewers,
        _risk(policy, drawn), need.because, review_by(draft, policy, need), drawn.nodes, drawn.pace,
        command.asked.record(), drawn.bites, drawn.outlook.record(),
    )  # fmt: skip
    draft.emit(plan_stream(id), event)
    draft.result["plan"] = id
    if need.words():
        hint = f"allstop plan show {id}, then allstop approve {id}"
        ask(draft, incident.id, need, f"{id} waits for your approval", f"{drawn.title}. {hint}")


def need_of_drawn(policy: Policy, incident: Incident, asked: Asked, drawn: Drawn) -> Any:
    """Who must agree: by the table; and where a safety rule bites, at least one person, whatever it says."""
    services = [policy.fleet.service(node.service) for node in drawn.nodes]
    need = need_of(
        policy, incident, asked.purpose, _risk(policy, drawn),
        protected=any(one is not None and one.protected for one in services),
        stateful=any(one is not None and one.stateful for one in services),
    )  # fmt: skip
    if not drawn.bites or need.people:
        return need
    rules = ", ".join(dict.fromkeys(bite.rule for bite in drawn.bites))
    return replace(need, people=1, because=f"it runs against {rules}")


def _risk(policy: Policy, drawn: Drawn) -> int:
    levels = policy.protocol.approvals.risk
    actions = {step.action.partition(":")[0] for step in drawn.steps}
    return max((levels.get(action, 0) for action in actions), default=0)


def drawn_hash(drawn: Drawn) -> str:
    """Digest of all it would do and of the rules it runs against; expected times do not count."""
    said = [
        [_plain(step) for step in drawn.steps],
        [[one.id, one.service, one.after, one.on_failure] for one in drawn.nodes],
        [[bite.rule, bite.subject, bite.text] for bite in drawn.bites],
    ]
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(step: e.Step) -> list[Any]:
    proof, inverse = step.proof, step.inverse
    return [
        step.id, step.kind, step.service, step.after, step.adapter, step.verb, step.options,
        step.timeout_ms, step.probes, step.window_ms, step.min_samples, step.limit_ms, step.node,
        step.action, step.latent,
        [proof.adapter, proof.options] if proof else None,
        [inverse.action, inverse.adapter, inverse.verb, inverse.options] if inverse else None,
    ]  # fmt: skip


def check_still_true(draft: Draft, policy: Policy, plan: Plan) -> None:
    """Refuse a plan whose approval is too old, that would be another one by now, or that meets another."""
    if not plan.asked:
        return
    limit = policy.fleet.limits.approval_ms
    if plan.approved_at is not None and between(plan.approved_at, draft.now.utc) > limit:
        text = f"the approval of {plan.id} is older than {words(limit)}"
        refuse("approval-expired", text, "make it again: allstop plan ...")
    for other in draft.world.plans.values():
        if other.id == plan.id or other.state not in _UNDER_WAY or not other.nodes:
            continue
        both = {node.service for node in plan.nodes} & {node.service for node in other.nodes} - {""}
        if both and other.id != plan.asked.get("plan"):
            text = f"{other.id} is {other.state} and works on {', '.join(sorted(both)[:3])} too"
            refuse("overlapping-plan", text, f"allstop plan follow {other.id}")
    now = draw(draft.world, policy, Asked.recorded(plan.asked))
    if drawn_hash(now) != plan.hash:
        text = f"{plan.id} would be another plan by now: the fleet or its documents have changed"
        refuse("plan-changed", text, "make it again: allstop plan ...")


def pause_plan(draft: Draft, command: c.PausePlan) -> None:
    """Nothing further starts. What is under way ends, and is recorded."""
    plan = _steered(draft, command.plan)
    if plan.state is not PlanState.RUNNING:
        refuse("not-running", f"{plan.id} is {plan.state}", f"allstop plan show {plan.id}")
    if not command.reason.strip():
        refuse("no-reason", "a pause needs a reason", '--because "..."')
    draft.emit(plan_stream(plan.id), e.PlanPaused(command.reason.strip()))


def _steered(draft: Draft, id: str) -> Plan:
    plan = draft.world.plans.get(id)
    if plan is None:
        refuse("unknown-plan", f"there is no plan {id}", nearest(id, draft.world.plans))
    incident = draft.incident(plan.incident)
    draft.require(may("plan", draft.who, draft.policy(incident), incident.roles))
    if plan.state in ENDED:
        refuse("ended", f"{plan.id} is {plan.state}, nothing of it is done any more")
    return plan


RULES: Rules = {c.DrawPlan: draw_plan, c.PausePlan: pause_plan}
INTERNAL: frozenset[type] = frozenset()
