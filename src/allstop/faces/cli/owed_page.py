"""What an incident owes, as a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.times import ago, day, instant

Shape = Mapping[str, Any]


def owed_page(page: Page, view: Shape, now: datetime, addressed: Callable[[str], str]) -> None:
    """Obligations, action items, and what closing waits for; only what there is.

    addressed: makes a hint one about this incident, where that is needed.
    """
    standing = view["state"].replace("-", " ")
    page.line(Piece(view["incident"], "strong"), f"  {standing}")
    if view["obligations"]:
        page.title("Owed")
        page.table((), [obligation(one, now) for one in view["obligations"]], indent=2)
    if view["actions"]:
        page.title("Action items")
        page.table((), [action(one, now) for one in view["actions"]], indent=2)
    if view["missing"]:
        page.title("Before it may be closed")
        for one in view["missing"]:
            hint = Piece(f"   {addressed(one['hint'])}", "dim") if one["hint"] else ""
            page.line(f"  - {one['text']}", hint, hang=4)
    elif view["state"] == "stood-down":
        page.blank()
        page.line(Piece("Nothing is missing: it may be closed.", "good"))
    elif not view["obligations"] and not view["actions"]:
        page.line(Piece("  nothing is owed yet", "dim"))


def obligation(one: Shape, now: datetime) -> tuple[Cell, ...]:
    meeting = instant(one["meeting_at"])
    meets = f"; meeting {day(meeting)}" if meeting else ""
    if one["met"]:
        return Piece("met", "good"), one["id"], one["owner"], f"{one['title']}: {one['met']}{meets}"
    return _when(one, now), one["id"], one["owner"], f"{one['title']}{meets}"


def watch(one: Shape, now: datetime) -> tuple[Cell, ...]:
    """A watch after standing down: how it stands, what its looks saw, and when the next one comes."""
    tone = {"clean": "good", "bad": "bad", "inconclusive": "notice"}.get(one["state"], "plain")
    following, until = instant(one["next_at"]), instant(one["until"])
    more = ""
    if one["state"] == "watching" and until is not None:
        following_words = f"; next look {ago(following, now)}" if following else ""
        more = f"{following_words}; ends {ago(until, now)}"
    seen = f" (last: {one['seen']})" if one["seen"] and one["state"] != "clean" else ""
    return Piece(one["state"], tone), one["id"], f"{one['title']}: {one['text']}{seen}{more}"


def action(one: Shape, now: datetime) -> tuple[Cell, ...]:
    told = "; ".join(part for part in (one["title"], one["link"], one["note"]) if part)
    when = (
        _when(one, now)
        if one["state"] == "open"
        else Piece(one["state"], "good" if one["state"] == "done" else "dim")
    )
    return when, one["id"], f"{one['owner']}, {one['priority']}", told


def _when(one: Shape, now: datetime) -> Piece:
    """`LATE by 2d`, or `in 3d`."""
    at = instant(one["due_at"])
    if at is None:
        return Piece("")
    if one["late"] or at < now:
        return Piece(f"LATE by {ago(at, now).removesuffix(' ago')}", "bad")
    return Piece(ago(at, now), "plain")
