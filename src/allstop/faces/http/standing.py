"""The operations on what stands beside the incidents: proposals, mode, points, the protocol itself."""

from __future__ import annotations

from collections.abc import Collection

from allstop.application.preflight import is_about
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
from allstop.domain.incident.course_events import CheckResult
from allstop.domain.incident.work_commands import AwardPoints
from allstop.domain.preflight import CHECKS
from allstop.domain.verdict import nearest
from allstop.faces.http import models as m
from allstop.faces.http import models_course as n
from allstop.faces.http import models_work as w
from allstop.faces.http.operation import (
    Call,
    Operation,
    Query,
    command,
    proposal_command,
    view,
)
from allstop.faces.http.problems import Unknown
from allstop.faces.http.shapes import Confirmed, Done

PROPOSALS = "/api/v1/proposals"
POINTS = "/api/v1/points"
PROTOCOL = "/api/v1/protocol"
# Code, text and hint of each.
Reasons = tuple[tuple[str, str, str], ...]


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
    one, query = call.coordinator, call.query
    checks, services = _listed(query.get("check", "")), _listed(query.get("service", ""))
    known = [each.name for each in call.policy.fleet.services]
    wrong = _unknown("check", checks, CHECKS) + _unknown("service", services, known)
    if wrong:
        raise Unknown(wrong)
    far = one.preflight_progress()
    if query.get("newest"):
        if far.total and not one.has_looked:
            return PreflightLine(0, one.clock.now().utc, "running", (), far.done, far.total)
        look = one.newest_preflight()
        results = tuple(each for each in look.results if _is_asked(each, checks, services))
    else:
        look = await one.preflight(checks, services)
        results = look.results
    state = "passed" if all(each.ok is True for each in results) else "failed"
    return PreflightLine(0, look.at, state, check_lines(results), far.done, far.total)


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(filter(None, (name.strip() for name in text.split(",")))))


def _is_asked(one: CheckResult, checks: tuple[str, ...], services: tuple[str, ...]) -> bool:
    return (not checks or one.check in checks) and (not services or is_about(one, services))


def _unknown(what: str, names: tuple[str, ...], known: Collection[str]) -> Reasons:
    """A reason for every name there is not."""
    return tuple(
        (f"unknown-{what}", f"there is no {what} {name}", nearest(name, known))
        for name in names
        if name not in known
    )


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
        "preflight-now", "GET", "/api/v1/preflight",
        "Run the checks now, outside an incident, or show what the coordinator found last.",
        _preflight, PreflightLine, tag="protocol", problems=(404, 409),
        query=(
            Query("newest", "boolean", "What was found last in the background; nothing is looked at."),
            Query("check", "string", "Only these checks, with commas between them."),
            Query("service", "string", "Only what concerns these services, with commas between them."),
        ),
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
