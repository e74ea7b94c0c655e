"""Decisions only a person makes: approvals, overrides, the remedy, the next phase."""

from __future__ import annotations

from typing import Any

import click

from allstop.domain.verdict import nearest
from allstop.errors import Missing
from allstop.faces.cli.exit_codes import ProblemAnswer
from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.layout import plain
from allstop.faces.cli.page import Page
from allstop.faces.cli.plan_page import whole_plan
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import Named, verb
from allstop.faces.cli.work_page import change_lines

STAND_DOWN = "stand-down"
NOT_FOUND = 404
OTHERWISE = "allstop approve stand-down, or the plan or change that `allstop show` says is waiting"
# How what is decided about begins, and the kind of subject that makes it.
_KINDS = {"PLAN-": "plan:", "CHG-": "change:", "HALT-": "halt:"}


def subject_of(word: str) -> str:
    """`plan:PLAN-1` of `PLAN-1`; everything else as it stands."""
    kind = next((kind for start, kind in _KINDS.items() if word.upper().startswith(start)), "")
    return f"{kind}{word}"


@verb(
    "approve",
    "allstop approve PLAN-1",
    'allstop approve PLAN-1 --yes --note "checked with Grace"',
    "allstop approve PLAN-1 --as-reviewer",
    "allstop approve change:CHG-1",
    "allstop approve stand-down",
    incident=True,
)
@click.argument("subject", type=Named("subject"))
@click.option("--note", default="", metavar="TEXT", help="For the record.")
@click.option(
    "--as-reviewer", "--review", "as_reviewer", is_flag=True,
    help="Sign as a reviewer, not as one who decides.",
)  # fmt: skip
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def approve(
    session: Session, subject: str, note: str, incident: str, *, as_reviewer: bool, yes: bool
) -> None:
    """Approve a plan, a change by hand, or the stand-down.

    A plan is shown first, and the approval binds to exactly what was shown: if the plan has changed
    in between, it is refused. Where the protocol wants reviewers, they sign with --as-reviewer.
    """
    body: dict[str, Any] = {"subject": subject, "note": note}
    if as_reviewer:
        body["as_reviewer"] = True
    kind, _, name = subject_of(subject).rpartition(":")
    whom = " as a reviewer" if as_reviewer else ""
    plan: dict[str, Any] = {}
    if kind == "change":
        _show_change(session, incident, name)
        session.confirm(f"Approve {name}{whom}?", yes=yes)
        body["subject"] = f"change:{name}"
    elif subject != STAND_DOWN:
        plan = _plan(session, name)
        _show(session, plan)
        session.confirm(f"Approve {plan['id']}{whom}?", yes=yes)
        session.incident = incident = plan["incident"]
        body |= {"subject": f"plan:{plan['id']}", "binds": plan["hash"]}
    answer = session.client.post("incidents", incident, "approvals", body=body)
    waits = answer.data.get("waits_for")
    told = f"signed: {subject}; it still waits for {waits}" if waits else f"approved: {subject}"
    session.told(answer, told, next_command="allstop show" if waits else _after(kind, name, plan))


def _after(kind: str, name: str, plan: dict[str, Any]) -> str:
    """The next command once everybody has agreed. A plan that a person asked for is started by a person."""
    if kind == "change":
        return f"allstop change made {name}"
    return f"allstop plan run {plan['id']} --follow" if plan.get("asked") else "allstop show"


def _plan(session: Session, name: str) -> dict[str, Any]:
    """The plan of a name. Raises Missing, and says what else can be approved, for a word that is none."""
    try:
        found: dict[str, Any] = session.client.get("plans", name).data
    except ProblemAnswer as error:
        if error.status != NOT_FOUND or subject_of(name) != name:
            raise
        hint = nearest(name, [STAND_DOWN])
        hint = hint if hint.startswith("did you mean") else OTHERWISE
        raise Missing(f"{name} is nothing that could be approved", hint) from None
    return found


def _show_change(session: Session, incident: str, name: str) -> None:
    answer = session.client.get("incidents", incident)
    found = next((one for one in answer.data["changes"] if one["id"] == name), None)
    if found is None:
        where = answer.data["line"]["id"]
        raise Missing(f"{where} has no change {name}", f"allstop change --incident {where}")
    page = Page()
    change_lines(page, found, session.now(answer))
    _print(session, page)


def _show(session: Session, plan: dict[str, Any]) -> None:
    """What is about to be approved; beside the JSON, not in it."""
    page = Page()
    whole_plan(page, plan)
    _print(session, page)


def _print(session: Session, page: Page) -> None:
    if session.as_json or session.quiet:
        click.echo(plain(page), err=True, nl=False)
    else:
        session.show(page)


@verb(
    "override",
    'allstop override stable --because "the probe itself is broken, orders flow"',
    'allstop override PLAN-1 --because "nobody can be reached, and it burns"',
    'allstop override preflight --because "the channel is down with everything else"',
    incident=True,
)
@click.argument("subject", type=Named("criterion"))
@BECAUSE
def override(session: Session, subject: str, because: str, incident: str) -> None:
    """Let through what stands in the way, with a reason, on the record.

    SUBJECT is a criterion (allstop show --all), a plan, a change or a halt, severity:NAME, close or
    preflight.
    """
    body = {"subject": subject_of(subject), "because": because}
    answer = session.client.post("incidents", incident, "overrides", body=body)
    session.told(answer, f"overridden, on the record: {subject}", next_command="allstop show")


@verb("remedy", 'allstop remedy rollback --because "the fix takes an hour"', incident=True)
@click.argument("remedy", metavar="NAME", type=click.Choice(["rollback", "fix", "investigate"]))
@BECAUSE
@click.option(
    "--service",
    default="",
    metavar="NAME",
    type=Named("service"),
    help="At fault, if not the first suspect.",
)
def remedy(session: Session, remedy: str, because: str, service: str, incident: str) -> None:
    """Roll back, fix or investigate: overrule the decision table."""
    body = {"remedy": remedy, "because": because, "service": service}
    try:
        answer = session.client.post("incidents", incident, "remedy", body=body)
    except ProblemAnswer as error:
        raise error if service else _of_nothing(session, incident, remedy, error) from None
    plan = answer.data.get("plan", "")
    command = f"allstop plan show {plan}" if plan else "allstop show"
    session.told(
        answer, f"the remedy is {remedy}" + (f": {plan}" if plan else ""), next_command=command
    )


def _of_nothing(
    session: Session, incident: str, remedy: str, error: ProblemAnswer
) -> ProblemAnswer:
    """For an incident that suspects no service: then there is nothing to roll back or to fix."""
    if "not-available" not in error.codes:
        return error
    line = session.client.get("incidents", incident).data["line"]
    if line["services"]:
        return error
    known = ", ".join(one["name"] for one in session.client.get("services").data)
    text = (
        f"{line['id']} suspects no service, so it is not known of which the {remedy} is wanted; "
        f"fleet.yaml describes {known or 'none'}"
    )
    return error.instead((text, f'allstop remedy {remedy} --service NAME --because "..."'))


@verb("advance", "allstop advance", "allstop advance INC-2", incident=True, word=True)
def advance(session: Session, incident: str) -> None:
    """Enter the next phase.

    Refused, with all that is missing, until the present phase's criteria hold.
    """
    answer = session.client.post("incidents", incident, "phase")
    session.told(answer, "the next phase has begun", next_command="allstop show")
