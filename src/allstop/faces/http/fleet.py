"""The operations on plans, halts, agents and services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allstop.application.plan_shapes import PlanPreview, PlanView
from allstop.application.shapes import AgentLine, HaltView, ServiceLine
from allstop.domain.halt import commands as halt
from allstop.domain.halt.order_text import Statement
from allstop.domain.plan import commands as plan
from allstop.domain.plan.asked import Asked
from allstop.errors import Unavailable
from allstop.faces.http import models as m
from allstop.faces.http.operation import (
    Call,
    Handler,
    Operation,
    command,
    incident_command,
    long_view,
    plan_command,
    view,
)
from allstop.faces.http.shapes import Done

PLAN = "/api/v1/plans/{id}"
HALTS = "/api/v1/halts"
AGENTS = "/api/v1/agents"


def _register(call: Call) -> halt.RegisterAgent:
    body: m.NewAgent = call.body
    return halt.RegisterAgent(
        body.agent, body.name, body.team, body.adapter, dict(body.options), body.host, body.session,
        body.repository,
    )  # fmt: skip


def _remove(call: Call) -> halt.RemoveAgent:
    body: m.Because = call.body
    return halt.RemoveAgent(call.path["id"], body.because)


def _halt(call: Call) -> halt.OrderHalt:
    body: m.Halt = call.body
    incident = call.named(body.incident)
    return halt.OrderHalt(body.scope, body.reason, incident, body.exempt, body.classes)


def _release(call: Call) -> halt.ReleaseHalt:
    body: m.Release = call.body
    signed = tuple(Statement(one.text, one.key, one.signature) for one in body.statements)
    releases = call.coordinator.releases
    if releases is None:
        if signed:
            raise Unavailable("this coordinator knows no release keys")
        return halt.ReleaseHalt(call.path["id"], body.because)
    return releases.command(call.path["id"], body.because, signed)


def _answer(call: Call) -> halt.AnswerRollCall:
    body: m.RollCall = call.body
    return halt.AnswerRollCall(
        call.path["id"], body.halt, body.state, body.working_on, body.checkpoint, body.branch,
        body.available,
    )  # fmt: skip


def _asked(call: Call) -> Asked:
    body: m.AskedPlan = call.body
    if body.plan:
        with_plan = call.views.plan(body.plan)
        return Asked(body.purpose, plan=with_plan.id, to=body.to)
    return Asked(
        body.purpose, body.targets, body.dependents, body.orphans, body.level,
        deadline_ms=body.deadline_ms, release=body.release, until=body.until, playbook=body.playbook,
        levers=body.levers,
    )  # fmt: skip


def _settle(id: str, call: Call) -> plan.SettleStep:
    body: m.Settle = call.body
    return plan.SettleStep(id, body.step, body.happened, body.evidence)


def _change(
    id: str, path: str, summary: str, body: type[m.Body], make: Callable[[Call], Any],
    *, subject: str, tag: str, status: int = 200,
) -> Operation:  # fmt: skip
    return Operation(
        id, "POST", path, summary, command(make), Done, body, subject=subject, tag=tag,
        status=status, keyed=True, problems=(403, 409),
    )  # fmt: skip


def _of_plan(
    id: str, path: str, summary: str, body: type[m.Body], make: Callable[[str, Call], Any]
) -> Operation:
    """A command about one plan."""
    handler: Handler = plan_command(make)
    return Operation(
        id, "POST", f"{PLAN}/{path}", summary, handler, Done, body, subject="plan", tag="plans",
        keyed=True, problems=(403, 409),
    )  # fmt: skip


PLANS: tuple[Operation, ...] = (
    Operation(
        "plan-show", "GET", PLAN, "A plan with the standing of every step.",
        view(lambda call: call.views.plan(call.path["id"])), PlanView, subject="plan", tag="plans",
    ),
    Operation(
        "plan-make", "POST", "/api/v1/incidents/{id}/plans",
        "Make a plan for parts of the fleet; it starts when somebody runs it.",
        incident_command(lambda id, call: plan.DrawPlan(id, _asked(call))), Done, m.AskedPlan,
        subject="incident", tag="plans", status=201, keyed=True, problems=(403, 409),
    ),
    Operation(
        "plan-preview", "POST", "/api/v1/incidents/{id}/plans/preview",
        "The plan as it would be made now; nothing is recorded.",
        long_view(lambda call: call.views.plan_preview(call.incident(), _asked(call))), PlanPreview,
        m.AskedPlan, subject="incident", tag="plans", problems=(409,),
    ),
    _of_plan(
        "plan-run", "run", "Start a plan that everybody agreed to.", m.Nothing,
        lambda id, _: plan.StartPlan(id),
    ),
    _of_plan(
        "plan-pause", "pause", "Start nothing further; what is under way ends.", m.Because,
        lambda id, call: plan.PausePlan(id, call.body.because),
    ),
    _of_plan(
        "plan-resume", "resume", "End a pause.", m.Nothing, lambda id, _: plan.ContinuePlan(id),
    ),
    _of_plan(
        "plan-waive", "waive", "Let a held node go on without a step that failed.", m.Waiver,
        lambda id, call: plan.WaiveStep(id, call.body.step, call.body.because),
    ),
    _of_plan(
        "plan-retry", "retry", "Try a failed or unknown step again.", m.Step,
        lambda id, call: plan.RetryStep(id, call.body.step),
    ),
    _of_plan(
        "plan-settle", "settle", "Say how a step ended that no machine can know.", m.Settle, _settle,
    ),
    _of_plan(
        "plan-abort", "abort", "Give a plan up.", m.Because,
        lambda id, call: plan.AbortPlan(id, call.body.because),
    ),
)  # fmt: skip

AGENT_STOPS: tuple[Operation, ...] = (
    Operation(
        "halts", "GET", HALTS, "All halts, newest first.",
        view(lambda call: call.views.halts()), tuple[HaltView, ...], tag="halts",
    ),
    Operation(
        "rollcall", "GET", f"{HALTS}/{{id}}", "One halt with its roll call.",
        view(lambda call: call.views.halt(call.path["id"])), HaltView, subject="halt", tag="halts",
    ),
    _change(
        "halt", HALTS, "Order agents to stop.", m.Halt, _halt, subject="", tag="halts", status=201,
    ),
    _change(
        "release", f"{HALTS}/{{id}}/release", "Ask for the release of one halt; with enough people and keys it is lifted.",
        m.Release, _release,
        subject="halt", tag="halts",
    ),
    _change(
        "release-abort", f"{HALTS}/{{id}}/release/abort", "Put a halt back whose release is under way.",
        m.Because, lambda call: halt.AbortRelease(call.path["id"], call.body.because),
        subject="halt", tag="halts",
    ),
    Operation(
        "agents", "GET", AGENTS, "All agents and what holds them.",
        view(lambda call: call.views.agents()), tuple[AgentLine, ...], tag="agents",
    ),
    _change(
        "register", AGENTS, "Register an agent.", m.NewAgent, _register,
        subject="", tag="agents", status=201,
    ),
    _change(
        "agent-remove", f"{AGENTS}/{{id}}/remove", "Remove an agent that will not run again.", m.Because, _remove,
        subject="agent", tag="agents",
    ),
    _change(
        "answer", f"{AGENTS}/{{id}}/roll-call", "Answer the roll call.", m.RollCall, _answer,
        subject="agent", tag="agents",
    ),
    Operation(
        "services", "GET", "/api/v1/services", "All services, their probes and dependencies.",
        view(lambda call: call.views.services()), tuple[ServiceLine, ...], tag="services",
    ),
)  # fmt: skip

FLEET = PLANS + AGENT_STOPS
