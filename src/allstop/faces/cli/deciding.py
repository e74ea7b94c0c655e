"""Decisions only a person makes: approvals, overrides, the remedy, the next phase."""

from __future__ import annotations

from typing import Any

import click

from allstop.faces.cli.layout import plain
from allstop.faces.cli.page import Page
from allstop.faces.cli.plan_page import whole_plan
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import Named, verb

STAND_DOWN = "stand-down"


@verb(
    "approve",
    "allstop approve PLAN-1",
    'allstop approve PLAN-1 --yes --note "checked with Grace"',
    "allstop approve stand-down",
    incident=True,
)
@click.argument("subject", type=Named("subject"))
@click.option("--note", default="", metavar="TEXT", help="For the record.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def approve(session: Session, subject: str, note: str, incident: str, *, yes: bool) -> None:
    """Approve a plan, or the stand-down.

    A plan is shown first, and the approval binds to exactly what was shown: if the plan has changed
    in between, it is refused.
    """
    body = {"subject": subject, "note": note}
    if subject != STAND_DOWN:
        plan = session.client.get("plans", subject.removeprefix("plan:")).data
        _show(session, plan)
        session.confirm(f"Approve {plan['id']} as {plan['approve'] or 'a person'}?", yes=yes)
        incident = plan["incident"]
        body |= {"subject": f"plan:{plan['id']}", "binds": plan["hash"]}
    answer = session.client.post("incidents", incident, "approvals", body=body)
    session.told(answer, f"approved: {subject}", next_command="allstop show")


def _show(session: Session, plan: dict[str, Any]) -> None:
    """What is about to be approved; beside the JSON, not in it."""
    page = Page()
    whole_plan(page, plan)
    if session.as_json or session.quiet:
        click.echo(plain(page), err=True, nl=False)
    else:
        session.show(page)


@verb(
    "override",
    'allstop override stable --because "the probe itself is broken, orders flow"',
    incident=True,
)
@click.argument("criterion", type=Named("criterion"))
@click.option("--because", required=True, metavar="TEXT", help="The reason, for the record.")
def override(session: Session, criterion: str, because: str, incident: str) -> None:
    """Set a criterion aside, with a reason, on the record.

    Names of criteria: allstop show --all
    """
    body = {"criterion": criterion, "because": because}
    answer = session.client.post("incidents", incident, "overrides", body=body)
    session.told(answer, f"overridden, on the record: {criterion}", next_command="allstop show")


@verb("remedy", 'allstop remedy rollback --because "the fix takes an hour"', incident=True)
@click.argument("remedy", metavar="NAME", type=click.Choice(["rollback", "fix", "investigate"]))
@click.option("--because", required=True, metavar="TEXT", help="The reason, for the record.")
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
    answer = session.client.post("incidents", incident, "remedy", body=body)
    plan = answer.data.get("plan", "")
    command = f"allstop plan show {plan}" if plan else "allstop show"
    session.told(
        answer, f"the remedy is {remedy}" + (f": {plan}" if plan else ""), next_command=command
    )


@verb("advance", "allstop advance", incident=True)
def advance(session: Session, incident: str) -> None:
    """Enter the next phase.

    Refused, with all that is missing, until the present phase's criteria hold.
    """
    answer = session.client.post("incidents", incident, "phase")
    session.told(answer, "the next phase has begun", next_command="allstop show")
