"""Plans: what would be done, how far it has come, and what a person says about a step."""

from __future__ import annotations

import click

from allstop.faces.cli.page import Page
from allstop.faces.cli.plan_asking import ASKING
from allstop.faces.cli.plan_page import plan_summary, settled, stuck_step, whole_plan
from allstop.faces.cli.plan_steering import STEERING
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import Named, group, verb


@verb("plans", "allstop plans", "allstop plans INC-1", incident=True, word=True)
def plans(session: Session, incident: str) -> None:
    """The plans of an incident."""
    answer = session.client.get("incidents", incident)
    found = answer.data["plans"]
    if session.as_json:
        session.print_value(found)
        return
    page = Page()
    for one in found:
        page.line(*plan_summary(one))
    if not found:
        page.line(f"{answer.data['line']['id']} has no plan yet.")
    session.show(page)
    if found:
        session.advise(f"allstop plan show {found[-1]['id']}")


@group("plan")
def plan() -> None:
    """Plan a change of the fleet, look at it, run it, steer it."""


@verb("show", "allstop plan show PLAN-1")
@click.argument("name", metavar="PLAN", type=Named("plan"))
def show(session: Session, name: str) -> None:
    """One plan, step by step."""
    answer = session.client.get("plans", name)
    if session.as_json:
        session.print_json(answer)
        return
    found = answer.data
    page = Page()
    whole_plan(page, found)
    session.show(page)
    stuck = stuck_step(found)
    if found["state"] == "proposed" and found["approve"]:
        session.advise(f"allstop approve {found['id']}")
    elif found["asked"] and found["state"] in ("proposed", "approved"):
        session.advise(f"allstop plan run {found['id']}")
    elif stuck:
        session.advise(f"allstop plan retry {found['id']} {stuck}")
    elif settled(found):
        session.advise(settled(found))


@verb("retry", "allstop plan retry PLAN-1 stop-payments")
@click.argument("name", metavar="PLAN", type=Named("plan"))
@click.argument("step")
def retry(session: Session, name: str, step: str) -> None:
    """Try a failed or unknown step again."""
    answer = session.client.post("plans", name, "retry", body={"step": step})
    session.told(answer, f"{step} is tried again", next_command=f"allstop plan show {name}")


@verb(
    "settle",
    'allstop plan settle PLAN-1 drop-index --happened --evidence "the index is gone, looked at it"',
    'allstop plan settle PLAN-1 drop-index --not-happened --evidence "the index is still there"',
)
@click.argument("name", metavar="PLAN", type=Named("plan"))
@click.argument("step")
@click.option("--happened/--not-happened", "happened", default=None, help="Whether it took effect.")
@click.option("--evidence", required=True, metavar="TEXT", help="What you saw.")
def settle(session: Session, name: str, step: str, evidence: str, *, happened: bool | None) -> None:
    """Say how a step ended that no machine can know; that a task of yours is done."""
    if happened is None:
        raise click.UsageError("say --happened or --not-happened")
    body = {"step": step, "happened": happened, "evidence": evidence}
    answer = session.client.post("plans", name, "settle", body=body)
    session.told(answer, f"{step} is settled", next_command=f"allstop plan show {name}")


for command in (*ASKING, show, *STEERING, retry, settle):
    plan.add_command(command)
