"""The operations on plans, halts, agents and services."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allstop.application.shapes import AgentLine, HaltView, PlanView, ServiceLine
from allstop.domain.halt import commands as halt
from allstop.domain.plan import commands as plan
from allstop.faces.http import models as m
from allstop.faces.http.operation import Call, Operation, command, view
from allstop.faces.http.shapes import Done

PLAN = "/api/v1/plans/{id}"
HALTS = "/api/v1/halts"
AGENTS = "/api/v1/agents"


def _register(call: Call) -> halt.RegisterAgent:
    body: m.NewAgent = call.body
    return halt.RegisterAgent(body.agent, body.name, body.team, body.adapter, dict(body.options))


def _halt(call: Call) -> halt.OrderHalt:
    body: m.Halt = call.body
    return halt.OrderHalt(body.scope, body.reason, body.incident, body.exempt)


def _answer(call: Call) -> halt.AnswerRollCall:
    body: m.RollCall = call.body
    return halt.AnswerRollCall(
        call.path["id"], body.halt, body.state, body.working_on, body.checkpoint, body.branch,
        body.available,
    )  # fmt: skip


def _settle(call: Call) -> plan.SettleStep:
    body: m.Settle = call.body
    return plan.SettleStep(call.path["id"], body.step, body.happened, body.evidence)


def _change(
    id: str, path: str, summary: str, body: type[m.Body], make: Callable[[Call], Any],
    *, subject: str, tag: str, status: int = 200,
) -> Operation:  # fmt: skip
    return Operation(
        id, "POST", path, summary, command(make), Done, body, subject=subject, tag=tag,
        status=status, keyed=True, problems=(403, 409),
    )  # fmt: skip


PLANS: tuple[Operation, ...] = (
    Operation(
        "plan-show", "GET", PLAN, "A plan with the standing of every step.",
        view(lambda call: call.views.plan(call.path["id"])), PlanView, subject="plan", tag="plans",
    ),
    _change(
        "plan-retry", f"{PLAN}/retry", "Try a failed or unknown step again.", m.Step,
        lambda call: plan.RetryStep(call.path["id"], call.body.step), subject="plan", tag="plans",
    ),
    _change(
        "plan-settle", f"{PLAN}/settle", "Say how a step ended that no machine can know.",
        m.Settle, _settle, subject="plan", tag="plans",
    ),
    _change(
        "plan-abandon", f"{PLAN}/abandon", "Give a plan up.", m.Because,
        lambda call: plan.AbandonPlan(call.path["id"], call.body.because),
        subject="plan", tag="plans",
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
        "release", f"{HALTS}/{{id}}/release", "Lift one halt; what another one holds stays.",
        m.Because, lambda call: halt.ReleaseHalt(call.path["id"], call.body.because),
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
        "answer", f"{AGENTS}/{{id}}/roll-call", "Answer the roll call.", m.RollCall, _answer,
        subject="agent", tag="agents",
    ),
    Operation(
        "services", "GET", "/api/v1/services", "All services, their probes and dependencies.",
        view(lambda call: call.views.services()), tuple[ServiceLine, ...], tag="services",
    ),
)  # fmt: skip

FLEET = PLANS + AGENT_STOPS
