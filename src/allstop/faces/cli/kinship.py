"""The course of an incident: corrections, relations to others, who may read it, its last words."""

from __future__ import annotations

import click

from allstop.faces.cli.impact_given import BECAUSE
from allstop.faces.cli.named import Whole
from allstop.faces.cli.responding import halted
from allstop.faces.cli.session import CURRENT, Session
from allstop.faces.cli.verbs import Named, verb

HOWS = ["related", "caused-by", "causes", "duplicate-of", "duplicated-by"]


@verb(
    "correct",
    'allstop correct 12 "it was release 40, not 41" --because "read the wrong line"',
    "allstop timeline --numbers",
    afterwards=True,
)
@click.argument("version", metavar="NUMBER", type=Whole(1, 2**53 - 1))
@click.argument("text")
@BECAUSE
def correct(session: Session, version: int, text: str, because: str, incident: str) -> None:
    """Correct an entry of the timeline; the original stays beside it.

    NUMBER is the one that `allstop timeline --numbers` shows.
    """
    body = {"version": version, "text": text, "because": because}
    answer = session.client.post("incidents", incident, "corrections", body=body)
    session.told(answer, f"entry {version} is corrected", next_command="allstop timeline")


@verb("link", "allstop link INC-2", "allstop link INC-2 --how caused-by", afterwards=True)
@click.argument("other", metavar="INC", type=Named("incident"))
@click.option(
    "--how", type=click.Choice(HOWS), default="related", show_default=True,
    help="What this incident is to the other.",
)  # fmt: skip
def link(session: Session, other: str, how: str, incident: str) -> None:
    """Link it to another incident."""
    answer = session.client.post("incidents", incident, "links", body={"to": other, "how": how})
    session.told(answer, f"linked: {how.replace('-', ' ')} {other}", next_command="allstop show")


@verb(
    "merge",
    'allstop merge --incident INC-2 --into INC-1 --because "the same pool"',
    incident=True,
)
@click.option(
    "--into", required=True, metavar="INC", type=Named("incident"), help="Where it goes on."
)
@BECAUSE
def merge(session: Session, into: str, because: str, incident: str) -> None:
    """Let the response go on in another incident; this one ends."""
    body = {"into": into, "because": because}
    answer = session.client.post("incidents", incident, "merge", body=body)
    session.told(answer, f"it goes on in {into}", name=into, next_command=f"allstop show {into}")


@verb("private", 'allstop private --because "it names a person"', afterwards=True, word=True)
@BECAUSE
def private(session: Session, because: str, incident: str) -> None:
    """Make it private: only whoever takes part may read it."""
    _privacy(session, incident, because, private=True)


@verb("public", 'allstop public --because "the person agreed"', afterwards=True, word=True)
@BECAUSE
def public(session: Session, because: str, incident: str) -> None:
    """Make a private incident readable for everybody again."""
    _privacy(session, incident, because, private=False)


def _privacy(session: Session, incident: str, because: str, *, private: bool) -> None:
    body = {"private": private, "because": because}
    answer = session.client.post("incidents", incident, "privacy", body=body)
    session.told(
        answer,
        "only whoever takes part may read it now" if private else "everybody may read it now",
    )


@verb("reopen", 'allstop reopen INC-1 --because "errors are back"', afterwards=True, word=True)
@BECAUSE
def reopen(session: Session, because: str, incident: str) -> None:
    """Open it again, because it came back."""
    answer = session.client.post("incidents", incident, "reopen", body={"because": because})
    told = answer.data.get("incident") or incident
    session.told(
        answer, f"{told} is open again{halted(answer)}", name=told,
        next_command=f"allstop show {told}",
    )  # fmt: skip


@verb(
    "close",
    "allstop close INC-1",
    'allstop close INC-1 --note "every action is done"',
    afterwards=True,
    word=True,
)
@click.option("--note", default="", metavar="TEXT", help="A last word.")
def close(session: Session, note: str, incident: str) -> None:
    """Close it, once all that the protocol asks for before closing is there.

    Refused, with all that is missing, until then: allstop owed
    """
    answer = session.client.post("incidents", incident, "close", body={"note": note})
    told = answer.data.get("incident") or ("it" if incident == CURRENT else incident)
    session.told(answer, f"{told} is closed", name=told)
