"""Declaring an incident, and saying what is known about it."""

from __future__ import annotations

import shlex
from typing import Any

import click

from allstop.errors import Invalid
from allstop.faces.cli.advice import criteria
from allstop.faces.cli.client import Answer
from allstop.faces.cli.exit_codes import ProblemAnswer
from allstop.faces.cli.impact_given import BECAUSE, SERVICES, impact_options, take_impact
from allstop.faces.cli.session import Session
from allstop.faces.cli.times import TIME, TimeWord
from allstop.faces.cli.verbs import Named, verb
from allstop.faces.cli.words_given import pairs, with_command


@verb(
    "declare",
    'allstop declare "checkout fails" --service payments',
    'allstop declare "customer data on a public bucket" --severity SEV1 --breach --private',
    'allstop declare "drill: a deploy went wrong" --trigger drill:deploy',
    'INC=$(allstop declare -q "checkout fails")',
)
@click.argument("title")
@SERVICES
@click.option(
    "--severity", default="", metavar="SEV", type=Named("severity"),
    help="Set by hand; else the protocol's table decides.",
)  # fmt: skip
@click.option(
    "--kind", default="", metavar="KIND", type=Named("kind"),
    help="Of emergency, as the protocol names them; else recognised by the impact.",
)  # fmt: skip
@click.option(
    "--domain", default="", metavar="NAME", help="Whose ground it is, if the services do not say."
)
@click.option("--evidence", default="", metavar="TEXT", help="What was seen.")
@click.option("--source", default="", metavar="TEXT", help="Where it was seen.")
@click.option(
    "--since", "began_at", metavar="TIME", type=TimeWord(), help=f"When it began: {TIME}."
)
@click.option(
    "--dedup", default="", metavar="KEY", help="At most one open incident bears the same key."
)
@click.option(
    "--trigger", default="", metavar="TEXT", help="What set it off, such as drill:NAME for a drill."
)
@click.option("--private", is_flag=True, help="Only for whoever takes part.")
@impact_options
def declare(session: Session, **words: Any) -> None:
    """Declare an incident.

    The protocol decides what follows: the severity, who is called, and whether agents are stopped.
    """
    impact = take_impact(words)
    body = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in words.items()
        if value
    }
    answer = session.client.post("incidents", body=body | ({"impact": impact} if impact else {}))
    incident = answer.data.get("incident", "")
    standing = "is open again" if answer.data.get("reopened") else "is declared"
    session.told(
        answer,
        f"{incident} {standing}{halted(answer)}{warned(answer)}",
        name=incident,
        next_command=f"allstop show {incident}",
    )


def halted(answer: Answer) -> str:
    """The end of a sentence, when the command has stopped agents."""
    halt = answer.data.get("halt")
    return f"; {halt} orders agents to stop" if halt else ""


def warned(answer: Answer) -> str:
    """The end of a sentence, when something was done that is worth a second look."""
    warning = answer.data.get("warning")
    return f"\nwarning: {warning}" if warning else ""


@verb(
    "impact",
    "allstop impact --users 1200 --failing 30",
    'allstop impact --lost-per-hour "5000 USD" --compliance possible',
    incident=True,
)
@impact_options
def impact(session: Session, incident: str, **words: Any) -> None:
    """Report what is newly known of the impact.

    The severity follows, if the protocol's table says so. Anybody who knows may say it.
    """
    known = take_impact(words)
    if not known:
        raise click.UsageError("say what is known, such as --users 1200")
    answer = session.client.post("incidents", incident, "impact", body={"impact": known})
    severity = answer.data.get("severity")
    text = f"; the severity is {severity} now" if severity else ""
    session.told(
        answer, f"the impact is on record{text}{halted(answer)}", next_command="allstop show"
    )


@verb(
    "triage",
    "allstop triage real --severity SEV1",
    "allstop triage real --kind breach",
    'allstop triage false-alarm --because "the probe was misconfigured"',
    incident=True,
)
@click.argument("verdict", type=click.Choice(["real", "false-alarm"]))
@click.option(
    "--severity", default="", metavar="SEV", type=Named("severity"), help="As confirmed; else as it is."
)  # fmt: skip
@click.option("--kind", default="", metavar="KIND", help="As confirmed; else as it is.")
@click.option("--because", default="", metavar="TEXT", help="What you saw.")
def triage(
    session: Session, verdict: str, severity: str, kind: str, because: str, incident: str
) -> None:
    """Say that it is real and how bad, or that it is a false alarm.

    A false alarm ends the incident, and lifts what it holds.
    """
    real = verdict == "real"
    if not real and not because.strip():
        raise click.UsageError("a false alarm needs its reason: --because TEXT")
    body = {"real": real, "text": because, "severity": severity, "kind": kind}
    answer = session.client.post("incidents", incident, "triage", body=body)
    rated = answer.data.get("severity") or severity
    if real:
        text = f"it is real{f', severity {rated}' if rated else ''}{halted(answer)}"
        session.told(answer, text, next_command="allstop show")
    else:
        session.told(answer, "it is a false alarm, and ended", next_command="allstop status")


@verb("ack", "allstop ack", "allstop ack INC-2", incident=True, word=True)
def ack(session: Session, incident: str) -> None:
    """Say that you have it.

    Until somebody does, the escalation goes on calling people.
    """
    answer = session.client.post("incidents", incident, "acknowledge")
    session.told(answer, "acknowledged: you have it", next_command="allstop show")


@verb(
    "update",
    'allstop update "payments rolled back, errors falling"',
    'allstop update "cause found" --status fixing --expected "in 45m"',
    'allstop update "copying the disk" --field progress="60 of 200 GB"',
    incident=True,
)
@click.argument("text")
@click.option(
    "--status", default="", metavar="STATUS", type=Named("status"),
    help="One of the protocol's statuses; else as in the last update.",
)  # fmt: skip
@click.option(
    "--field", "fields", multiple=True, metavar="NAME=TEXT",
    help="What the protocol asks for beside the text; repeatable.",
)  # fmt: skip
@click.option(
    "--expected", metavar="TIME", type=TimeWord(), help=f"When it should be over: {TIME}."
)
def update(
    session: Session, text: str, status: str, fields: tuple[str, ...], expected: str | None, incident: str
) -> None:  # fmt: skip
    """Post an update on the incident.

    It goes to every audience the protocol names, and says when the next one is due.
    """
    more = {"fields": pairs(fields, '--field progress="..."'), "expected_at": expected}
    body = {"text": text, **{name: value for name, value in more.items() if value}}
    status = status or _status(session, incident)
    try:
        answer = session.client.post(
            "incidents", incident, "updates", body={"status": status, **body}
        )
    except ProblemAnswer as error:
        words = [
            shlex.quote(text),
            f"--status {status}",
            *(f"--field {shlex.quote(one)}" for one in fields),
        ]
        raise with_command(error, f"allstop update {' '.join(words)}", '--field {}="..."') from None
    number = answer.data.get("number")
    posted = f"update {number} ({status}) is posted" if number else f"posted ({status})"
    session.told(answer, posted)


def _status(session: Session, incident: str) -> str:
    """The status of the last update, or the first the protocol has."""
    last = session.client.get("incidents", incident).data["status"]
    if last:
        return str(last)
    known = session.client.get("policy").data["policy"]["protocol"]["updates"]["statuses"]
    if not known:
        raise Invalid("the protocol has no statuses", "say one: --status investigating")
    return str(known[0])


@verb("note", 'allstop note "the deploy at 02:55 touched the pool size"', afterwards=True)
@click.argument("text")
def note(session: Session, text: str, incident: str) -> None:
    """Add a note to the timeline."""
    session.told(session.client.post("incidents", incident, "notes", body={"text": text}), "noted")


@verb(
    "state",
    'allstop state root-cause "the pool was halved by release 41"',
    'allstop state prevention "the pool size is checked before a release"',
    afterwards=True,
)
@click.argument("subject", type=Named("statement"))
@click.argument("text")
def state(session: Session, subject: str, text: str, incident: str) -> None:
    """State something the protocol asks for, such as the cause."""
    body = {"subject": subject, "text": text}
    try:
        answer = session.client.post("incidents", incident, "statements", body=body)
    except ProblemAnswer as error:
        raise _right_word(session, incident, subject, error) from None
    session.told(answer, f"stated: {subject}", next_command="allstop show")


def _right_word(
    session: Session, incident: str, subject: str, error: ProblemAnswer
) -> ProblemAnswer:
    """For somebody who wrote the name of a criterion: the command that it waits for."""
    if "unknown-statement" not in error.codes:
        return error
    view = session.client.get("incidents", incident).data
    meant = next((one for one in criteria(view) if one["id"] == subject), None)
    if meant is None or not meant["hint"]:
        return error
    text = (
        f"{subject} is a criterion ({meant['title']}), and no statement: it is met in another way"
    )
    return error.instead((text, meant["hint"]))


@verb("severity", 'allstop severity SEV1 --because "the bank called"', incident=True)
@click.argument("severity", type=Named("severity"))
@BECAUSE
def severity(session: Session, severity: str, because: str, incident: str) -> None:
    """Set the severity by hand."""
    body = {"severity": severity, "because": because}
    answer = session.client.post("incidents", incident, "severity", body=body)
    session.told(answer, f"severity is {severity} now{halted(answer)}", next_command="allstop show")
