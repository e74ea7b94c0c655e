"""`allstop protocol diff` and `conformance`: protocols beside each other, and beside what is claimed of them."""

from __future__ import annotations

import dataclasses

import click

from allstop.errors import Missing
from allstop.faces.cli.exit_codes import Ended
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.protocol_given import protocol_given
from allstop.faces.cli.session import Session
from allstop.faces.cli.verbs import verb

_TONES = {"met": "good", "waiting": "notice", "failing": "bad", "untested": "bad"}


@verb(
    "diff",
    "allstop protocol diff standard patronus",
    "allstop protocol diff standard protocol.yaml",
)
@click.argument("before")
@click.argument("after")
def diff(session: Session, before: str, after: str) -> None:
    """What differs between two protocols, by what they mean. Exit code 1 when anything does.

    Each is a built-in protocol or a file.
    """
    from allstop.faces.cli.difference_page import difference_page  # noqa: PLC0415 - help must not load it
    from allstop.protocol.differences import differences  # noqa: PLC0415 - as above

    old, new = protocol_given(session, before), protocol_given(session, after)
    found = differences(old, new)
    if session.as_json:
        session.print_value([dataclasses.asdict(one) for one in found])
    else:
        page = difference_page(old, new, found) if found else Page()
        if not session.quiet:
            page.blank()
            page.line(_counted(len(found)))
        session.show(page, folded=True)
    if found:
        raise Ended(1)


def _counted(number: int) -> str:
    told = {0: "They say the same.", 1: "1 difference."}
    return told.get(number, f"{number} differences.")


@verb("conformance", "allstop protocol conformance", "allstop protocol conformance --pack patronus")
@click.option("--pack", default="", metavar="NAME", help="Only the clauses of this protocol.")
@click.option("--open", "only_open", is_flag=True, help="Only the clauses that are not met.")
def conformance(session: Session, pack: str, *, only_open: bool) -> None:
    """The clauses of the five protocols, and what the last run of the suite said of each.

    A clause that waits for something counts as not met. Exit code 1 when one fails or has no test.
    """
    from allstop.protocol.conformance import FAILING, UNTESTED, last_run, table  # noqa: PLC0415

    run = last_run()
    rows = [one for one in table(run) if not pack or one.clause.pack == pack]
    if not rows:
        known = ", ".join(dict.fromkeys(one.clause.pack for one in table(run)))
        raise Missing(f"no clause belongs to {pack}", f"one of {known}")
    if session.as_json:
        session.print_value(
            {"at": run.at if run else None, "clauses": [dataclasses.asdict(one) for one in rows]}
        )
    else:
        page = Page()
        page.table(
            ("clause", "state", "tests", "what"),
            [
                (
                    one.clause.id, Piece(one.state, _TONES[one.state]), str(one.tests),
                    one.clause.title + (f" (waiting for {one.clause.waits})" if one.clause.waits else ""),
                )
                for one in rows
                if not (only_open and one.state == "met")
            ],
        )  # fmt: skip
        met = sum(1 for one in rows if one.state == "met")
        waiting = sum(1 for one in rows if one.state == "waiting")
        when = f"run of {run.at} with Allstop {run.version}" if run else "the suite has never run"
        page.line(f"{met} of {len(rows)} met, {waiting} not built yet; {when}.")
        session.show(page, folded=True)
    if any(one.state in (FAILING, UNTESTED) for one in rows):
        raise Ended(1)
