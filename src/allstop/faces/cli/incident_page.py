"""One incident as a page: first what a person must know at 3 a.m., then everything else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from allstop.domain.moment import words
from allstop.faces.cli.halt_page import halt_summary
from allstop.faces.cli.owed_page import action, obligation, watch
from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.plan_page import open_tasks, plan_summary
from allstop.faces.cli.times import ago, clock, day, due, instant
from allstop.faces.cli.work_page import bare, change_summary, mode_cells, work

Shape = Mapping[str, Any]
LABEL = 11
# So many missed deadlines are named, the newest; `show --all` has the rest.
NAMED = 3


def compact(page: Page, view: Shape, now: datetime) -> None:
    """Severity, what fails, who commands, what it waits for, all-stop, next update, in ten lines."""
    line = view["line"]
    headline(page, line)
    if view["kind_title"] or view["kind"]:
        _fact(page, "kind", view["kind_title"] or view["kind"])
    _fact(page, "impact", line["impact"])
    if line["services"]:
        _fact(page, "suspected", ", ".join(line["services"]))
    _fact(page, "commander", commander(view))
    for role in view["roles"]:
        if role["offered_to"]:
            offered = f"{role['title']} is offered to {role['offered_to']}, not accepted yet"
            _fact(page, "handoff", Piece(offered, "notice"))
    for one in view["duty"]:
        if one["on_duty"] and one["asked_at"]:
            tired = f"{one['name']}, on duty for {words(one['since_rest_ms'])}"
            _fact(page, "relief", Piece(f"asked for {tired}", "notice"))
    for number, (text, tone) in enumerate(_waiting(line)):
        _fact(page, "phase" if number == 0 else "", Piece(text, tone))
    _under_way(page, view, now)
    if line["state"] == "open":
        expected = instant(view["expected_at"])
        if expected is not None:
            _fact(page, "over", f"expected {ago(expected, now)} ({clock(expected)} UTC)")
        _fact(page, "update", update_due(line, now))
    else:
        _afterwards(page, view)


def _under_way(page: Page, view: Shape, now: datetime) -> None:
    """What is being done, and what of it waits for somebody."""
    for halt in view["halts"]:
        if halt["stands"]:
            _fact(page, "all-stop", *halt_summary(halt))
    _plans(page, view)
    for name in view["playbooks"]:
        _fact(page, "playbook", f"{name} is for this: allstop plan playbook {name}")
    for change in view["changes"]:
        if change["state"] in {"proposed", "approved"}:
            _fact(page, "change", f"{change['id']} ", *change_summary(change, now))
    if view["remedy"]:
        _fact(
            page,
            "remedy",
            Piece(view["remedy"].upper(), "strong"),
            f", because {view['remedy_because']}",
        )
    _hands(page, view)
    _pressing(page, view, now)
    if view["mode"] and view["mode"]["on"]:
        _fact(page, "emergency", *mode_cells(view["mode"], now))


def _plans(page: Page, view: Shape) -> None:
    """Plans that have not ended, and the tasks of theirs that wait for somebody."""
    for plan in view["plans"]:
        if plan["state"] not in {"done", "aborted"} and not plan["earlier"]:
            _fact(page, "plan", *plan_summary(plan))
            for task in open_tasks(plan):
                _fact(page, "", f"asks {task['role']}: {task['title']} ({task['id']})")


def _hands(page: Page, view: Shape) -> None:
    """Crews that wait to be formed, and open tasks."""
    for crew in view["crews"]:
        if crew["proposed"] and not crew["members"]:
            names = ", ".join(bare(one) for one in crew["proposed"])
            _fact(page, "crew", f"{crew['title']}: ", Piece(f"proposed: {names}", "notice"))
    tasks = [one for one in view["tasks"] if one["state"] == "open"]
    if tasks:
        free = sum(1 for one in tasks if not one["owner"])
        nobody = Piece(f", {free} of them nobody's", "notice") if free else ""
        _fact(page, "tasks", f"{len(tasks)} open", nobody)


def _pressing(page: Page, view: Shape, now: datetime) -> None:
    """Deadlines that were missed, or are so near that they were warned of."""
    missed = [one["what"] for one in view["deadlines"] if one["missed"]]
    if missed:
        more = f" and {len(missed) - NAMED} more" if len(missed) > NAMED else ""
        _fact(page, "missed", Piece("; ".join(missed[-NAMED:]) + more, "bad"))
    for one in view["deadlines"]:
        at = instant(one["at"])
        if at is not None and not one["missed"] and (one["warned"] or at < now):
            _fact(page, "deadline", f"{one['what']}: ", Piece(due(at, now)[0], "notice"))


def _afterwards(page: Page, view: Shape) -> None:
    if view["merged_into"]:
        _fact(page, "goes on in", Piece(view["merged_into"], "strong"))
    late = [one["title"] for one in view["obligations"] if one["late"]]
    owed = [one["title"] for one in view["obligations"] if not one["met"] and not one["late"]]
    if late:
        _fact(page, "late", Piece("; ".join(late), "bad"))
    if owed:
        _fact(page, "owed", "; ".join(owed))
    if view["line"]["aftercare"]:
        _fact(page, "aftercare", view["line"]["aftercare"])
    if view["missing_before_close"]:
        _fact(page, "to close", "; ".join(view["missing_before_close"]))


def headline(page: Page, line: Shape) -> None:
    open_now = line["state"] == "open"
    tone = "bad" if open_now else "dim"
    severity = (
        f"{line['severity']} ({line['severity_title']})"
        if line["severity_title"]
        else line["severity"]
    )
    private = (Piece("PRIVATE", "notice"), "  ") if line["private"] else ()
    page.line(
        Piece(line["id"], "strong"),
        "  ",
        Piece(severity, tone),
        "  ",
        *private,
        Piece(line["title"], "strong"),
        f"  {standing(line)}",
    )


def standing(line: Shape) -> str:
    """How long it has been open, or how it ended."""
    if line["state"] == "open":
        return f"open for {line['age']}"
    ends = {"dismissed": "a false alarm", "merged": "merged into another"}
    told = ends.get(line["state"], line["state"].replace("-", " "))
    return f"{told} after {line['age']}"


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


def everything(page: Page, view: Shape, now: datetime) -> None:
    """All that stands in the record about it."""
    _gates(page, view)
    page.title("Roles")
    page.table((), [(role["title"], _holder(role)) for role in view["roles"]], indent=2)
    if view["duty"]:
        page.title("Hours on duty")
        page.table((), [_hours(one, now) for one in view["duty"]], indent=2)
    _evidence(page, view)
    work(page, view, now)
    if view["deadlines"]:
        page.title("Deadlines")
        page.table((), [_deadline(one, now) for one in view["deadlines"]], indent=2)
    page.title("Times")
    page.table(
        ("time to", "measured", "target", "met"),
        [_measure(one) for one in view["measures"]],
        indent=2,
    )
    _sections(page, view, now)
    page.title("Declared")
    line = view["line"]
    seen = f", seen in {view['source']}" if view["source"] else ""
    page.line(f"  {_until(line['declared_at'])} by {view['declared_by']} ({view['trigger']}){seen}")
    page.line(f"  {view['severity_because']}")
    page.line(f"  protocol {view['protocol']}, policy {view['policy'][:12]}")


def _sections(page: Page, view: Shape, now: datetime) -> None:
    """What only some incidents have."""
    called = ", ".join(bare(one) for one in view["called"])
    about = [("called", called), ("channel", view["channel"]), ("domain", view["domain"])]
    about += [("opened again", _until(at)) for at in view["reopened"]]
    sections: tuple[tuple[str, list[tuple[Cell, ...]]], ...] = (
        ("Stated", [(subject, text) for subject, text in view["statements"].items()]),
        ("Set aside", [(subject, text) for subject, text in view["overrides"].items()]),
        (
            "Linked",
            [(one["to"], one["how"].replace("-", " "), one["title"]) for one in view["links"]],
        ),
        ("Watched on", [watch(one, now) for one in view["aftercare"]]),
        ("Owed", [obligation(one, now) for one in view["obligations"]]),
        ("Action items", [action(one, now) for one in view["actions"]]),
        (
            "Points",
            [(f"{one['points']:+d}", one["team"], one["because"]) for one in view["points"]],
        ),
        ("Before it may be closed", [("-", text) for text in _closing(view)]),
        ("Besides", [(name, text) for name, text in about if text]),
    )
    for title, rows in sections:
        if rows:
            page.title(title)
            page.table((), rows, indent=2)


def _closing(view: Shape) -> tuple[str, ...]:
    """What is missing, once that is the question."""
    return () if view["line"]["state"] == "open" else tuple(view["missing_before_close"])


def _fact(page: Page, label: str, *cells: Cell) -> None:
    begins = str(cells[0].text if isinstance(cells[0], Piece) else cells[0]) if cells else ""
    hang = LABEL + (4 if begins.startswith("- ") else 2)
    page.line("  ", Piece(f"{label:<{LABEL}}", "dim"), *cells, hang=hang)


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


def _hours(one: Shape, now: datetime) -> tuple[Cell, ...]:
    """Who, how long, and when relief is due."""
    at = instant(one["relief_at"])
    relief = f"relief {due(at, now)[0]}" if at else ""
    state = "on duty" if one["on_duty"] else "off duty"
    asked = "relief was asked for" if one["on_duty"] and one["asked_at"] else ""
    return one["name"] or one["person"], words(one["on_duty_ms"]), state, asked or relief


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
