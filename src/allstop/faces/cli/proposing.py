"""Proposals: what looks like an emergency, until a person says whether it is one."""

from __future__ import annotations

import click

from allstop.faces.cli.impact_given import BECAUSE, SERVICES
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.responding import halted, warned
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import ago, instant
from allstop.faces.cli.verbs import Named, verb
from allstop.faces.cli.words_given import pairs

_TONES = {"open": "notice", "confirmed": "bad", "dismissed": "dim"}


@verb(
    "propose",
    'allstop propose "battle stations, the shop is down" --source chat',
    "allstop propose HighErrorRate --label severity=page --label job=shop --service payments",
)
@click.argument("text")
@click.option("--source", default="", metavar="TEXT", help="Where it comes from.")
@click.option(
    "--label", "labels", multiple=True, metavar="NAME=VALUE", help="Of an alert; repeatable."
)
@SERVICES
def propose(
    session: Session, text: str, source: str, labels: tuple[str, ...], services: tuple[str, ...]
) -> None:
    """Hand in a message or an alert that looks like an emergency.

    Whoever may confirm it is asked; some alerts declare at once, if the protocol says so. When you know
    that it is one, declare it instead.
    """
    body = {
        "text": text, "source": source, "labels": pairs(labels, "--label severity=page"),
        "services": list(services),
    }  # fmt: skip
    answer = session.client.post("proposals", body=body)
    proposal, incident = answer.data.get("proposal", ""), answer.data.get("incident", "")
    told = (
        f"it belongs to {incident}" if incident else f"{proposal} waits for a person to confirm it"
    )
    command = f"allstop show {incident}" if incident else f"allstop confirm {proposal}"
    session.told(answer, f"{told}{halted(answer)}", name=incident or proposal, next_command=command)


@verb("proposals", "allstop proposals", "allstop proposals --all")
@click.option("--all", "whole", is_flag=True, help="Answered ones as well.")
def proposals(session: Session, *, whole: bool) -> None:
    """What was proposed as an emergency and waits for an answer."""
    answer = session.client.get("proposals")
    if session.as_json:
        session.print_json(answer)
        return
    found = [one for one in answer.data if whole or one["state"] == "open"]
    now = session.now(answer)
    page = Page()
    for one in found:
        if session.quiet:
            page.line(one["id"])
            continue
        at = instant(one["at"])
        page.line(
            Piece(one["id"], "strong"), "  ", Piece(one["state"], _TONES.get(one["state"], "plain")),
            f"  {one['text']}", hang=8,
        )  # fmt: skip
        when = f"{ago(at, now)} by {one['by']}" if at else one["by"]
        page.line(Piece(f"        {one['because']}, {when}", "dim"), hang=8)
        ended = one["reason"] or (f"it is {one['incident']}" if one["incident"] else "")
        asked = f"may confirm: {', '.join(one['asked']) or 'nobody on the roster'}"
        page.line(f"        {ended or asked}", hang=8)
    if not found and not session.quiet:
        page.line("Nothing was proposed." if whole else "No proposal waits for an answer.")
    session.show(page)
    first = next((one["id"] for one in reversed(found) if one["state"] == "open"), "")
    session.advise(
        f'allstop confirm {first}, or allstop dismiss {first} --because "..."' if first else ""
    )


@verb(
    "confirm", "allstop confirm PROP-1", 'allstop confirm PROP-1 --title "shop down" --severity SEV1'
)  # fmt: skip
@click.argument("proposal", metavar="PROP", type=Named("proposal"))
@click.option("--title", default="", metavar="TEXT", help="Else the proposal's own words.")
@click.option("--severity", default="", metavar="SEV", type=Named("severity"), help="Set by hand.")
@click.option("--kind", default="", metavar="KIND", type=Named("kind"), help="Of emergency.")
def confirm(session: Session, proposal: str, title: str, severity: str, kind: str) -> None:
    """Declare what was proposed."""
    body = {"title": title, "severity": severity, "kind": kind}
    answer = session.client.post("proposals", proposal, "confirm", body=body)
    incident = answer.data.get("incident", "")
    session.told(
        answer, f"{incident} is declared from {proposal}{halted(answer)}{warned(answer)}",
        name=incident, next_command=f"allstop show {incident}",
    )  # fmt: skip


@verb("dismiss", 'allstop dismiss PROP-1 --because "a test message"')
@click.argument("proposal", metavar="PROP", type=Named("proposal"))
@BECAUSE
def dismiss(session: Session, proposal: str, because: str) -> None:
    """Say that a proposal is no emergency."""
    answer = session.client.post("proposals", proposal, "dismiss", body={"because": because})
    session.told(answer, f"{proposal} is dismissed")
