"""The work in an incident as pages: crews, tasks, findings, changes, forms, preflight, mode."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.times import day, due, instant

Shape = Mapping[str, Any]
Row = tuple[Cell, ...]

_TASK = {"open": "notice", "done": "good", "dropped": "dim"}
_CHANGE = {"proposed": "notice", "approved": "good", "made": "plain", "refused": "bad"}


def bare(principal: str) -> str:
    """`ada` of `person:ada`."""
    return principal.partition(":")[2] or principal


def task_rows(tasks: Iterable[Shape]) -> list[Row]:
    return [
        (
            one["id"], bare(one["owner"]) or "-", Piece(one["state"], _TASK.get(one["state"], "plain")),
            one["title"] + (f" ({one['note']})" if one["note"] else ""),
        )
        for one in tasks
    ]  # fmt: skip


def crew_lines(page: Page, crew: Shape, indent: int = 0) -> None:
    """Who is in it or proposed, what for, and why them."""
    margin = " " * indent
    page.line(f"{margin}{crew['title']} ", Piece(f"({crew['name']}): ", "dim"), *_members(crew))
    if crew["objective"]:
        page.line(f"{margin}  {crew['objective']}")
    if crew["because"] and not crew["members"]:
        page.line(Piece(f"{margin}  {crew['because']}", "dim"))


def _members(crew: Shape) -> Row:
    if crew["members"]:
        return (Piece(", ".join(bare(one) for one in crew["members"]), "good"),)
    if crew["proposed"]:
        names = ", ".join(bare(one) for one in crew["proposed"])
        return (Piece(f"proposed: {names}", "notice"),)
    return (Piece("not formed", "dim"),)


def change_lines(page: Page, change: Shape, now: datetime, indent: int = 0) -> None:
    """What it is, where it stands, who must still agree."""
    margin = " " * indent
    page.line(f"{margin}{change['id']} ", *change_summary(change, now))
    if change["detail"]:
        page.line(f"{margin}  {change['detail']}")
    signed = ", ".join(
        f"{bare(one['person'])}{' (review)' if one['review'] else ''}"
        for one in change["signatures"]
    )
    told = f"asked by {bare(change['requested_by'])}" + (f", signed by {signed}" if signed else "")
    page.line(Piece(f"{margin}  {told}; {change['because']}".rstrip("; "), "dim"))


def change_summary(change: Shape, now: datetime) -> Row:
    state = Piece(change["state"], _CHANGE.get(change["state"], "dim"))
    of = f" of {change['service']}" if change["service"] else ""
    risk = f", risk {change['risk']}" if change["risk"] else ""
    return state, f": {change['title']}{of}{risk}{agreement(change, now)}"


def agreement(found: Shape, now: datetime) -> str:
    """Who must still agree to a plan or a change, and until when the reviewers have time."""
    if not found["waits_for"]:
        return ""
    at = instant(found["review_by"])
    until = f", review {due(at, now)[0]}" if at else ""
    return f", waits for approval by {found['waits_for']}{until}"


def check_rows(preflight: Shape) -> list[Row]:
    return [check_row(one) for one in preflight["checks"]]


def check_row(one: Shape) -> Row:
    mark = {
        True: Piece("ok", "good"),
        False: Piece("FAIL", "bad"),
        None: Piece("unknown", "notice"),
    }[one["ok"]]
    return mark, f"{one['check']} {one['subject']}".strip(), one["text"]


def mode_cells(mode: Shape, now: datetime) -> Row:
    """On and until when, or how it ended."""
    if not mode["on"]:
        return (Piece(f"off{': ' + mode['ended'] if mode['ended'] else ''}", "dim"),)
    until = instant(mode["until"])
    text, late = due(until, now) if until else ("", False)
    ends = f", ends {text.removeprefix('due ')}" if text else ""
    suspended = ", ".join(mode["suspended"].values())
    told = f"; suspended: {suspended}" if suspended else ""
    return Piece("on", "notice"), Piece(f"{ends}{told}", "bad" if late else "plain")


def work(page: Page, view: Shape, now: datetime) -> None:
    """The sections of a whole incident that are about work; empty ones are left out."""
    formed = [one for one in view["crews"] if one["members"] or one["proposed"]]
    if formed:
        page.title("Crews")
    for one in formed:
        crew_lines(page, one, 2)
    if view["tasks"]:
        page.title("Tasks")
        page.table((), task_rows(view["tasks"]), indent=2)
    if view["changes"]:
        page.title("Changes by hand")
    for one in view["changes"]:
        change_lines(page, one, now, 2)
    _findings(page, view)
    for form in view["forms"]:
        at = instant(form["at"])
        page.title(f"{form['title']}, filed by {bare(form['by'])}{f' at {day(at)}' if at else ''}")
        page.table(
            (),
            [(name, text.replace("\n", "; ")) for name, text in form["fields"].items()],
            indent=2,
        )
    if view["preflight"]:
        page.title(f"Preflight {view['preflight']['number']}: {view['preflight']['state']}")
        page.table((), check_rows(view["preflight"]), indent=2)


def _findings(page: Page, view: Shape) -> None:
    if view["findings"]:
        page.title("Found by people")
    for one in view["findings"]:
        of = f" of {one['service']}" if one["service"] else ""
        link = f"  {one['link']}" if one["link"] else ""
        page.line(
            f"  {one['id']}  ", Piece(f"{one['kind']}{of}: ", "dim"), one["text"],
            Piece(f"  ({bare(one['by'])}){link}", "dim"), hang=6,
        )  # fmt: skip
    if view["facts"]:
        page.title("Facts stated")
        said = {True: "yes", False: "no", None: "unknown"}
        rows = [
            (name, said[value] if value is None or isinstance(value, bool) else str(value))
            for name, value in view["facts"].items()
        ]
        page.table((), rows, indent=2)
