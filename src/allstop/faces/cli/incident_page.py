"""One incident as a page: first what a person must know at 3 a.m., then everything else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from allstop.faces.cli.halt_page import halt_summary
from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.plan_page import plan_summary
from allstop.faces.cli.times import clock, day, due, instant

Shape = Mapping[str, Any]
LABEL = 11


def compact(page: Page, view: Shape, now: datetime) -> None:
    """Severity, what fails, who commands, what it waits for, all-stop, next update, in ten lines."""
    line = view["line"]
    headline(page, line)
    _fact(page, "impact", line["impact"])
    if line["services"]:
        _fact(page, "suspected", ", ".join(line["services"]))
    _fact(page, "commander", commander(view))
    for number, (text, tone) in enumerate(_waiting(line)):
        _fact(page, "phase" if number == 0 else "", Piece(text, tone))
    for halt in view["halts"]:
        if halt["stands"]:
            _fact(page, "all-stop", *halt_summary(halt))
    for plan in view["plans"]:
        if plan["state"] not in {"done", "abandoned"}:
            _fact(page, "plan", *plan_summary(plan))
    if view["remedy"]:
        _fact(
            page,
            "remedy",
            Piece(view["remedy"].upper(), "strong"),
            f", because {view['remedy_because']}",
        )
    if line["state"] == "open":
        _fact(page, "update", update_due(line, now))


def headline(page: Page, line: Shape) -> None:
    open_now = line["state"] == "open"
    tone = "bad" if open_now else "dim"
    severity = (
        f"{line['severity']} ({line['severity_title']})"
        if line["severity_title"]
        else line["severity"]
    )
    standing = (
        f"open for {line['age']}"
        if open_now
        else f"{line['state'].replace('_', ' ')} after {line['age']}"
    )
    page.line(
        Piece(line["id"], "strong"),
        "  ",
        Piece(severity, tone),
        "  ",
        Piece(line["title"], "strong"),
        f"  {standing}",
    )


def commander(view: Shape) -> Piece:
    """The commander's name, and whether anybody has taken the incident in hand."""
    line = view["line"]
    name = next((role["name"] for role in view["roles"] if role["role"] == "commander"), "")
    who = (
        f"{name} ({line['commander']})" if name and name != line["commander"] else line["commander"]
    )
    if not who:
        return Piece("NOBODY", "bad")
    if line["state"] == "open" and not view["acknowledged_by"]:
        return Piece(f"{who}, NOT ACKNOWLEDGED", "bad")
    return Piece(who)


def update_due(line: Shape, now: datetime) -> Piece:
    at = instant(line["update_due_at"])
    if at is None:
        return Piece("none is due", "dim")
    text, late = due(at, now)
    return Piece(text, "bad" if late else "plain")


def advice(view: Shape, now: datetime) -> str:
    """The next sensible command for somebody who looks at this incident."""
    line = view["line"]
    if line["state"] != "open":
        return "" if view["report"] else f"allstop report {line['id']} --file"
    named = f" --incident {line['id']}"
    if not view["acknowledged_by"]:
        return f"allstop ack{named}"
    for plan in view["plans"]:
        if plan["state"] == "proposed" and plan["approve"]:
            return f"allstop approve {plan['id']}"
        if plan["state"] == "held":
            return f"allstop plan show {plan['id']}"
    at = instant(line["update_due_at"])
    if at is not None and at <= now:
        return f'allstop update "what is known" --status STATUS{named}'
    if view["stand_down"] and all(one["passed"] for one in view["stand_down"]):
        return f'allstop stand-down "why it is over"{named}'
    if view["remedy"] == "investigate" and not any(
        one["purpose"] == "remedy" for one in view["plans"]
    ):
        return f'allstop remedy fix --because "what you found"{named}'
    missing = [one for one in view["stand_down"] if not one["passed"]]
    done = all(phase["state"] != "ahead" for phase in view["phases"])
    told = next((one["hint"] for one in missing if one.get("hint")), "")
    # Waiting is all there is to do, unless the last phase wants something of a person.
    return (
        f"{told}{named}"
        if done and told.startswith("allstop")
        else f"allstop timeline {line['id']} --follow"
    )


def everything(page: Page, view: Shape, now: datetime) -> None:
    """All that stands in the record about it."""
    _gates(page, view)
    page.title("Roles")
    page.table((), [(role["title"], _holder(role)) for role in view["roles"]], indent=2)
    _evidence(page, view)
    if view["deadlines"]:
        page.title("Deadlines")
        page.table((), [_deadline(one, now) for one in view["deadlines"]], indent=2)
    page.title("Times")
    page.table(
        ("time to", "measured", "target", "met"),
        [_measure(one) for one in view["measures"]],
        indent=2,
    )
    for title, rows in (
        ("Stated", [(subject, text) for subject, text in view["statements"].items()]),
        ("Owed", [(what, owner, _until(at)) for what, owner, at in view["obligations"]]),
    ):
        if rows:
            page.title(title)
            page.table((), rows, indent=2)
    page.title("Declared")
    page.line(
        f"  {_until(view['line']['declared_at'])} by {view['declared_by']} ({view['trigger']})"
    )
    page.line(f"  {view['severity_because']}")
    page.line(f"  protocol {view['protocol']}, policy {view['policy'][:12]}")


def _fact(page: Page, label: str, *cells: Cell) -> None:
    page.line("  ", Piece(f"{label:<{LABEL}}", "dim"), *cells)


def _waiting(line: Shape) -> list[tuple[str, str]]:
    if line["state"] != "open":
        return [(line["phase_title"], "dim")]
    waits = line["waits_for"]
    if not waits:
        return [(f"{line['phase_title']}, waits for nothing", "good")]
    return [
        (f"{line['phase_title']}, waits for:", "plain"),
        *((f"- {text}", "notice") for text in waits),
    ]


def _gates(page: Page, view: Shape) -> None:
    page.title("Phases")
    stages = [
        (f"{phase['title']} ({phase['state']})", phase["criteria"]) for phase in view["phases"]
    ]
    for title, criteria in [*stages, ("Stand-down", view["stand_down"])]:
        page.line(f"  {title}")
        page.table((), [_criterion(one) for one in criteria], indent=4)


def _criterion(one: Shape) -> tuple[Cell, ...]:
    mark = (
        ("[!]", "notice")
        if one["overridden"]
        else ("[x]", "good")
        if one["passed"]
        else ("[ ]", "notice")
    )
    return Piece(*mark), one["id"], one["title"], Piece(one["text"], "dim")


def _holder(role: Shape) -> Cell:
    name = role["name"] or role["person"]
    offered = f", offered to {role['offered_to']}" if role["offered_to"] else ""
    return Piece(f"{name}{offered}") if name else Piece(f"nobody{offered}", "dim")


def _evidence(page: Page, view: Shape) -> None:
    if not view["evidence"]:
        return
    page.title("Evidence")
    tones = {"collected": "good", "failed": "bad"}
    rows = [
        (
            one["id"],
            Piece(one["state"], tones.get(one["state"], "plain")),
            one["sha256"][:12] or "-",
            one["summary"],
        )
        for one in view["evidence"]
    ]
    page.table((), rows, indent=2)


def _deadline(one: Shape, now: datetime) -> tuple[Cell, ...]:
    at = instant(one["at"])
    if one["missed"]:
        return one["what"], Piece(f"MISSED ({clock(at)} UTC)" if at else "MISSED", "bad")
    text, late = due(at, now) if at else ("", False)
    return one["what"], Piece(text, "bad" if late else "plain")


def _measure(one: Shape) -> tuple[Cell, ...]:
    met = {True: Piece("yes", "good"), False: Piece("NO", "bad"), None: Piece("-", "dim")}[
        one["met"]
    ]
    return one["name"], one["measured"], one["target"], met


def _until(text: object) -> str:
    at = instant(text)
    return day(at) if at else str(text)
