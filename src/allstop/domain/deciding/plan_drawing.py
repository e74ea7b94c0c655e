"""Plans that somebody asks for: drawn from the fleet as it stands, and drawn again before they start."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from allstop.domain.approvals import Need
from allstop.domain.authority import may
from allstop.domain.deciding.signing import ask, need_of, review_by
from allstop.domain.draft import Draft, Rules, refuse
from allstop.domain.moment import between, words
from allstop.domain.plan import commands as c
from allstop.domain.plan import events as e
from allstop.domain.plan.asked import Asked
from allstop.domain.plan.lifecycle import PlanState, StepState
from allstop.domain.plan.state import ENDED, Plan
from allstop.domain.planning.degradation_table import degree_of, draw_by_table
from allstop.domain.planning.degrading import draw_release
from allstop.domain.planning.drawn import Drawn, Setting
from allstop.domain.planning.fixing import draw_fix
from allstop.domain.planning.isolating import draw_isolation
from allstop.domain.planning.playing import draw_playbook, draw_way_back, resolved
from allstop.domain.planning.playing_steps import Drawers
from allstop.domain.planning.recovering import draw_recovery
from allstop.domain.planning.restoring import draw_restore
from allstop.domain.planning.rolling_back import capped, draw_rollback
from allstop.domain.planning.saving import draw_snapshot
from allstop.domain.planning.stopping import draw_stop
from allstop.domain.planning.undoing import draw_undo
from allstop.domain.policy import Policy
from allstop.domain.record import plan_stream
from allstop.domain.verdict import nearest

# What can be asked for, and how it is drawn. `contain` is an isolation.
DRAWERS: dict[str, Callable[[Setting], Drawn]] = {
    "contain": lambda it: draw_isolation(it.world, it.policy.fleet, it.asked),
    "degrade": draw_by_table,
    "stop": lambda it: draw_stop(it.world, it.policy.fleet, it.asked),
    "recover": lambda it: draw_recovery(it.world, it.policy, it.asked),
    "undo": lambda it: draw_undo(it.world, it.policy.fleet, it.asked),
    "release": lambda it: draw_release(it.world, it.policy.fleet, it.asked),
    "rollback": draw_rollback,
    "fix": draw_fix,
    "snapshot": draw_snapshot,
    "restore": draw_restore,
}
# Drawn with the help of the others.
WHOLE: dict[str, Callable[[Setting, Drawers], Drawn]] = {
    "playbook": draw_playbook,
    "recover": draw_way_back,
}
_UNDER_WAY = (PlanState.RUNNING, PlanState.HELD, PlanState.PAUSED)


def draw(setting: Setting) -> Drawn:
    """The plan as it would be made now; nothing is recorded. Refuses with every reason why there is none."""
    purpose = setting.asked.purpose
    if purpose in WHOLE:
        return WHOLE[purpose](setting, DRAWERS)
    drawer = DRAWERS.get(purpose)
    if drawer is None:
        hint = nearest(purpose, (*DRAWERS, "playbook"))
        refuse("unknown-purpose", f"there is no plan to {purpose or 'do nothing'}", hint)
    return drawer(setting)


def draw_plan(draft: Draft, command: c.DrawPlan) -> None:
    """Make a plan that somebody asks for. Nothing of it happens before it is started."""
    incident = draft.incident(command.incident)
    policy = draft.policy(incident)
    draft.require(may("plan", draft.who, policy, incident.roles))
    asked = degree_of(policy, incident, resolved(policy, incident, command.asked))
    setting = Setting(draft.world, policy, incident, asked, draft.now.utc)
    drawn = draw(setting)
    need = need_of_drawn(setting, drawn)
    id = f"PLAN-{len(draft.world.plans) + 1}"
    event = e.PlanMade(
        id, incident.id, asked.purpose, drawn.title, drawn.steps, drawn_hash(drawn),
        need.words(), draft.world.epoch + 1, incident.policy, need.by, need.people, need.reviewers,
        _risk(policy, drawn), need.because, review_by(draft, policy, need), drawn.nodes, drawn.pace,
        asked.record(), drawn.bites, drawn.outlook.record(), drawn.phases,
    )  # fmt: skip
    draft.emit(plan_stream(id), event)
    draft.result["plan"] = id
    if need.words():
        hint = f"allstop plan show {id}, then allstop approve {id}"
        ask(draft, incident.id, need, f"{id} waits for your approval", f"{drawn.title}. {hint}")


def need_of_drawn(setting: Setting, drawn: Drawn) -> Need:
    """Who must agree: by the table; and where a safety rule bites, or a machine would roll back once too often,
    at least one person, whatever it says."""
    policy, incident, asked = setting.policy, setting.incident, setting.asked
    # What only returns to the usual needs nobody, unless it is protected.
    if asked.purpose == "release" and not drawn.bites:
        return Need()
    services = [policy.fleet.service(node.service) for node in drawn.nodes]
    need = need_of(
        policy, incident, asked.purpose, _risk(policy, drawn),
        protected=any(one is not None and one.protected for one in services),
        stateful=any(one is not None and one.stateful for one in services),
    )  # fmt: skip
    need = capped(setting.world, need, drawn.steps)
    if not drawn.bites or need.people:
        return need
    rules = ", ".join(dict.fromkeys(bite.rule for bite in drawn.bites))
    return replace(need, people=1, because=f"it runs against {rules}")


def _risk(policy: Policy, drawn: Drawn) -> int:
    levels = policy.protocol.approvals.risk
    # By what a step is for, and by how it is done: a statement that destroys is one, whatever it is for.
    names = {step.action.partition(":")[0] for step in drawn.steps}
    names |= {step.verb for step in drawn.steps if step.kind == "act"}
    return max((levels.get(name, 0) for name in names), default=0)


def drawn_hash(drawn: Drawn) -> str:
    """Digest of all it would do and of the rules it runs against; expected times do not count."""
    said = [
        [_plain(step) for step in drawn.steps],
        [[one.id, one.service, one.after, one.on_failure] for one in drawn.nodes],
        [[bite.rule, bite.subject, bite.text] for bite in drawn.bites],
    ]
    # Plans without phases keep the digest they always had.
    if drawn.phases:
        said.append([[one.name, one.from_ms, one.within_ms] for one in drawn.phases])
        said.append([[one.id, one.phase] for one in drawn.nodes])
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
        *([step.expires_ms] if step.expires_ms else ()),
    ]  # fmt: skip


def check_still_true(draft: Draft, policy: Policy, plan: Plan) -> None:
    """Refuse a plan whose approval is too old, that would be another one by now, or that meets another."""
    if not plan.asked:
        return
    if has_lapsed(policy, plan, draft.now.utc):
        limit = words(policy.fleet.limits.approval_ms)
        text = f"the approval of {plan.id} is older than {limit}"
        refuse("approval-expired", text, f"it can be approved again: allstop approve {plan.id}")
    check_apart(draft, plan)
    check_same(draft, policy, plan)


def check_apart(draft: Draft, plan: Plan) -> None:
    """Refuse a plan that somebody asked for as long as another one works on a service of it."""
    for other in draft.world.plans.values() if plan.asked else ():
        if other.id != plan.id:
            _check_apart(plan, other)


def _check_apart(plan: Plan, other: Plan) -> None:
    """Refuse to start a plan on a service that another one works on, or has begun to change and not ended yet."""
    if other.state in _UNDER_WAY and other.id != plan.asked.get("plan"):
        if both := _services(plan) & _services(other):
            text = f"{other.id} is {other.state} and works on {', '.join(sorted(both)[:3])} too"
            refuse("overlapping-plan", text, f"allstop plan follow {other.id}")
    elif other.state in ENDED and other.active:
        acting = [id for id in sorted(other.active) if _is_changing(other, id)]
        if left := [id for id in acting if other.routes.steps[id].service in _services(plan)]:
            text = (
                f"{other.id} is {other.state}, and {', '.join(left[:3])} of it is still under way"
            )
            refuse("overlapping-plan", text, f"wait for its end: allstop plan show {other.id}")


def _is_changing(plan: Plan, id: str) -> bool:
    return plan.routes.steps[id].kind == "act" and plan.standing(id).state is StepState.RUNNING


def has_lapsed(policy: Policy, plan: Plan, now: datetime) -> bool:
    """Whether it was approved so long ago that nobody may start it any more."""
    limit = policy.fleet.limits.approval_ms
    old = plan.approved_at is not None and between(plan.approved_at, now) > limit
    return old and plan.state is PlanState.APPROVED and bool(plan.asked)


def check_same(draft: Draft, policy: Policy, plan: Plan) -> None:
    """Refuse a plan that, drawn from the fleet as it stands, would be another one."""
    incident = draft.incident(plan.incident)
    asked = Asked.recorded(plan.asked)
    now = draw(Setting(draft.world, policy, incident, asked, draft.now.utc))
    if drawn_hash(now) != plan.hash:
        text = f"{plan.id} would be another plan by now: the fleet or its documents have changed"
        refuse("plan-changed", text, "make it again: allstop plan ...")


def _services(plan: Plan) -> set[str]:
    """What a plan changes: by its nodes; of a plan without any, what it rolls back or restarts."""
    if plan.nodes:
        return {node.service for node in plan.nodes} - {""}
    return {step.service for step in plan.steps if plan.purpose == "remedy"} - {""}


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
