"""A plan live: what is under way, what has ended, what is held, how long it will take still."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from allstop.domain.moment import words
from allstop.errors import Unavailable
from allstop.faces.cli.page import Page, Piece
from allstop.faces.cli.plan_page import TONES, open_tasks, settled, stuck_step
from allstop.faces.cli.safe_text import safe_json
from allstop.faces.cli.session import Session, coloured
from allstop.faces.cli.times import instant

Shape = Mapping[str, Any]
OVER = ("done", "aborted")
WAITING = ("held", "proposed", "approved", "paused")
EVERY_SECONDS = 0.5
# A coordinator that restarts is waited for.
PATIENCE = 60
SHOWN = 12
BAR = 30
WIDE = 60
# Why a plan that has not ended does not go on, and what moves it.
_STANDS = {
    "proposed": ("it waits for approval by {whom}", "allstop approve {name}"),
    "approved": ("everybody has agreed, and nobody has started it", "allstop plan run {name}"),
    "paused": ("somebody paused it", "allstop plan resume {name}"),
}
# In the order in which a person wants to see them.
STATES = ("held", "running", "forced", "isolated", "returned", "left", "reached", "waiting")


def follow_plan(session: Session, name: str) -> None:
    """Until it has ended, or waits for a person. Exits with 1 when it did not end well."""
    last = _live(session, name) if _on_a_screen(session) else _lines(session, name)
    if last["state"] != "done":
        if not session.as_json:
            _advise(session, last)
        click.get_current_context().exit(1)


def _on_a_screen(session: Session) -> bool:
    return coloured() and not session.as_json and not session.quiet


def _asked(session: Session, name: str) -> Shape:
    """The plan now. A coordinator that is away is asked again for a while."""
    for left in range(PATIENCE, -1, -1):
        try:
            found: Shape = session.client.get("plans", name).data
        except Unavailable:
            if not left:
                raise
            session.launch.pause(1.0)
        else:
            return found
    raise AssertionError("unreachable")


def _ends(plan: Shape) -> bool:
    """Whether it is over, or goes on only when a person says or does something."""
    if plan["state"] in OVER:
        return True
    tasks = len(open_tasks(plan))
    moves = sum(1 for one in plan["steps"] if one["state"] == "running") > tasks
    return not moves and (plan["state"] in WAITING or tasks > 0)


def _lines(session: Session, name: str) -> Shape:
    """One line for each change: for pipes, and as JSON."""
    seen: dict[str, str] = {}
    while True:
        plan = _asked(session, name)
        things = plan["nodes"] or plan["steps"]
        changed = [one for one in things if seen.get(one["id"], "waiting") != one["state"]]
        for one in changed:
            seen[one["id"]] = one["state"]
            _say_change(session, plan, one)
        if _ends(plan):
            _say_end(session, plan)
            return plan
        session.launch.pause(EVERY_SECONDS)


def _say_change(session: Session, plan: Shape, one: Shape) -> None:
    why = one.get("because") or one.get("evidence") or ""
    if session.as_json:
        told = {"plan": plan["id"], "id": one["id"], "state": one["state"], "because": why}
        click.echo(safe_json(json.dumps(told, ensure_ascii=False)))
    elif not session.quiet:
        page = Page()
        page.line(
            f"{one['id']}  ",
            Piece(one["state"], TONES.get(one["state"], "plain")),
            f"  {why}" if why else "",
        )
        session.show(page)


def _say_end(session: Session, plan: Shape) -> None:
    if session.as_json:
        told = {"plan": plan["id"], "state": plan["state"], "because": plan["held_because"]}
        click.echo(safe_json(json.dumps(told, ensure_ascii=False)))
    elif not session.quiet:
        page = Page()
        _head(page, plan)
        session.show(page)


def _live(session: Session, name: str) -> Shape:
    """Drawn again and again in place."""
    from rich.live import Live  # noqa: PLC0415 - Rich is for terminals only
    from rich.text import Text  # noqa: PLC0415

    from allstop.faces.cli.colour import rendered  # noqa: PLC0415

    with Live(Text(""), refresh_per_second=4, transient=False) as live:
        while True:
            plan = _asked(session, name)
            live.update(rendered(_screen(plan), live.console.width))
            if _ends(plan):
                return plan
            session.launch.pause(EVERY_SECONDS)


def _screen(plan: Shape) -> Page:
    page = Page()
    _head(page, plan)
    things = plan["nodes"] or plan["steps"]
    ranked = sorted(things, key=lambda one: (_place(one["state"]), one["id"]))
    shown = [one for one in ranked if one["state"] != "waiting"][:SHOWN]
    page.table(
        (),
        [
            (
                one["id"],
                Piece(one["state"], TONES.get(one["state"], "plain")),
                _cut(one.get("because") or one.get("evidence") or ""),
            )
            for one in shown
        ],
        indent=2,
    )
    return page


def _cut(text: str) -> str:
    """As much as fits into a row that is drawn again and again; `plan show` has all of it."""
    return text if len(text) <= WIDE else f"{text[: WIDE - 3]}..."


def _place(state: str) -> int:
    return STATES.index(state) if state in STATES else len(STATES)


def _head(page: Page, plan: Shape) -> None:
    things = plan["nodes"] or plan["steps"]
    over = sum(1 for one in things if one["state"] in ("reached", "forced", "isolated", "returned", "left", "done", "waived"))  # fmt: skip
    filled = BAR * over // max(1, len(things))
    begun, ended = instant(plan["started_at"]), instant(plan["ended_at"])
    took = f", took {words(int((ended - begun).total_seconds() * 1000))}" if begun and ended else ""
    rest = f", about {words(plan['rest_ms'])} left" if plan["rest_ms"] else ""
    page.line(
        Piece(f"{plan['id']} ", "strong"),
        Piece(plan["state"], TONES.get(plan["state"], "plain")),
        f"  [{'#' * filled}{'.' * (BAR - filled)}] {over} of {len(things)}{took}{rest}",
    )
    if plan["held_because"]:
        page.line("  ", Piece(plan["held_because"], "bad"), hang=2)


def _advise(session: Session, plan: Shape) -> None:
    """What it waits for, and the command that moves it."""
    name, tasks = plan["id"], open_tasks(plan)
    told, command = "", ""
    if plan["state"] == "held":
        stuck = stuck_step(plan)
        command = f"allstop plan retry {name} {stuck}" if stuck else f"allstop plan show {name}"
    elif tasks and plan["state"] == "running":
        told = "; ".join(f"asks {one['role']}: {one['title']} ({one['id']})" for one in tasks)
        command = settled(plan)
    elif plan["state"] in _STANDS:
        told, command = _STANDS[plan["state"]]
    if told and not session.quiet:
        page = Page()
        page.line("  ", Piece(told.format(whom=plan["waits_for"] or plan["approve"]), "notice"), hang=2)  # fmt: skip
        session.show(page)
    if command:
        session.advise(command.format(name=name))
