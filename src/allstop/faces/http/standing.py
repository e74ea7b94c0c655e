"""The operations on what stands beside the incidents: proposals, mode, points, the protocol itself."""

from __future__ import annotations

from allstop.application.standing_shapes import (
    ConfirmationsView,
    ModeNow,
    PointsView,
    ProposalLine,
    ProtocolView,
)
from allstop.application.work_shapes import PreflightLine
from allstop.application.work_shaping import check_lines
from allstop.domain import proposals as p
from allstop.domain.confirmations import ConfirmProtocol
from allstop.domain.incident.work_commands import AwardPoints
from allstop.faces.http import models as m
from allstop.faces.http import models_course as n
from allstop.faces.http import models_work as w
from allstop.faces.http.operation import Call, Operation, command, proposal_command, view
from allstop.faces.http.shapes import Confirmed, Done

PROPOSALS = "/api/v1/proposals"
POINTS = "/api/v1/points"
PROTOCOL = "/api/v1/protocol"


def _propose(call: Call) -> p.ProposeActivation:
    body: n.Propose = call.body
    return p.ProposeActivation(body.text, body.source, dict(body.labels), body.services)


def _confirm(id: str, call: Call) -> p.ConfirmActivation:
    body: n.Confirm = call.body
    return p.ConfirmActivation(id, body.title, body.severity, body.kind)


def _award(call: Call) -> AwardPoints:
    body: w.Award = call.body
    return AwardPoints(body.team, body.points, body.because, call.named(body.incident))


async def _preflight(call: Call) -> PreflightLine:
    checks = check_lines(await call.coordinator.preflight())
    state = "passed" if all(one.ok is True for one in checks) else "failed"
    return PreflightLine(0, call.coordinator.clock.now().utc, state, checks)


PROPOSING: tuple[Operation, ...] = (
    Operation(
        "propose", "POST", PROPOSALS, "Report a message or an alert that looks like an emergency.",
        command(_propose), Done, n.Propose, status=201, tag="proposals", keyed=True,
        problems=(403, 409),
    ),
    Operation(
        "proposals", "GET", PROPOSALS, "All proposals, newest first.",
        view(lambda call: call.views.proposals()), tuple[ProposalLine, ...], tag="proposals",
    ),
    Operation(
        "confirm", "POST", f"{PROPOSALS}/{{id}}/confirm", "Declare what was proposed.",
        proposal_command(_confirm), Done, n.Confirm, subject="proposal", tag="proposals",
        keyed=True, problems=(403, 409),
    ),
    Operation(
        "dismiss", "POST", f"{PROPOSALS}/{{id}}/dismiss", "Say that it is no emergency.",
        proposal_command(lambda id, call: p.DismissActivation(id, call.body.because)), Done,
        m.Because, subject="proposal", tag="proposals", keyed=True, problems=(403, 409),
    ),
)  # fmt: skip

BESIDE: tuple[Operation, ...] = (
    Operation(
        "modes", "GET", "/api/v1/mode", "What is suspended and enabled now, and because of what.",
        view(lambda call: call.views.mode()), ModeNow, tag="protocol",
    ),
    Operation(
        "points", "GET", POINTS, "Balances of the teams, and every entry of the ledger.",
        view(lambda call: call.views.points()), PointsView, tag="protocol",
    ),
    Operation(
        "award", "POST", POINTS, "Award points by hand.", command(_award), Done, w.Award,
        tag="protocol", keyed=True, problems=(403, 409),
    ),
    Operation(
        "preflight-now", "GET", "/api/v1/preflight", "Run the checks now, outside an incident.",
        _preflight, PreflightLine, tag="protocol", problems=(404,),
    ),
    Operation(
        "protocol", "GET", PROTOCOL,
        "The protocol for incidents declared from now on, its review and its drills.",
        view(lambda call: call.views.protocol()), ProtocolView, tag="protocol",
    ),
    Operation(
        "protocol-confirmed", "GET", f"{PROTOCOL}/confirmation",
        "Who has confirmed that they know the protocol in force, and who has not.",
        view(lambda call: call.views.confirmations()), ConfirmationsView, tag="protocol",
    ),
    Operation(
        "protocol-confirm", "POST", f"{PROTOCOL}/confirmation",
        "Confirm that you know the protocol in force; again renews it.",
        command(lambda call: ConfirmProtocol(call.body.protocol)), Confirmed, n.Confirmation,
        tag="protocol", keyed=True, problems=(403, 409),
    ),
)  # fmt: skip

STANDING = PROPOSING + BESIDE
