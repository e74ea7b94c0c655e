"""Plans as pages: what would be done, in which order, and how far it has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.plan_preview_page import before_it_runs, in_order, phases
from allstop.faces.cli.times import day, instant
from allstop.faces.cli.work_page import bare

Shape = Mapping[str, Any]

TONES = {
    "done": "good",
    "failed": "bad",
    "unknown": "bad",
    "held": "bad",
    "proposed": "notice",
    "running": "notice",
    "aborted": "dim",
    "waiting": "dim",
    "waived": "notice",
    "paused": "notice",
    "reached": "good",
    "forced": "notice",
    "isolated": "notice",
    "returned": "notice",
    "left": "bad",
}
# Nothing of it has begun: whoever reads it wants to know what it will do.
BEFORE = ("proposed", "approved")


def plan_summary(plan: Shape) -> tuple[Cell, ...]:
    """One line: which, how far, and what it waits for."""
    if plan["nodes"]:
        counts = ", ".join(f"{count} {state}" for state, count in plan["counts"].items())
        nodes = len(plan["nodes"])
        far = f", {nodes} {'node' if nodes == 1 else 'nodes'}: {counts}"
    else:
        done = sum(1 for step in plan["steps"] if step["state"] == "done")
        far = f", {done} of {len(plan['steps'])} steps done"
    return (
        f"{plan['id']} ({plan['purpose']}): ",
        Piece(plan["state"], TONES.get(plan["state"], "plain")),
        f"{far}{_waits(plan)}",
    )


def whole_plan(page: Page, plan: Shape) -> None:
    page.line(Piece(f"{plan['id']} ({plan['purpose']})", "strong"), f": {plan['title']}")
    approved = f", approved by {plan['approved_by']}" if plan["approved_by"] else ""
    page.line(
        f"  {plan['incident']}, ",
        Piece(plan["state"], TONES.get(plan["state"], "plain")),
        f"{approved}{_waits(plan)}",
    )
    _agreed(page, plan)
    page.line(Piece(f"  hash {plan['hash']}", "dim"))
    if plan["nodes"] and plan["state"] in BEFORE:
        before_it_runs(page, plan)
        return
    phases(page, plan)
    if plan["nodes"]:
        _with_nodes(page, plan)
        return
    rows = [(str(number), *_step(step)) for number, step in enumerate(plan["steps"], 1)]
    page.table(("", "step", "state", "after", "what"), rows, indent=2)


def _with_nodes(page: Page, plan: Shape) -> None:
    """Each node with its end, and the steps of those that are under way or held."""
    for one in plan["bites"]:
        page.line("  against ", Piece(one["rule"], "bad"), f" ({one['subject']}): {one['text']}", hang=4)  # fmt: skip
    # A node about no service has a name that says little.
    titles = {one["node"]: one["title"] for one in plan["steps"] if one["id"] == one["node"]}
    rows = [
        (
            one["id"],
            Piece(one["state"], TONES.get(one["state"], "plain")),
            ", ".join(one["after"][:4]) + (", ..." if len(one["after"]) > 4 else "") or "-",
            one["because"] or Piece(titles.get(one["id"], ""), "dim"),
        )
        for one in in_order(plan["nodes"])
    ]
    page.table(("node", "state", "after", "what was seen"), rows, indent=2)
    open_nodes = {one["id"] for one in plan["nodes"] if one["state"] in ("running", "held")}
    steps = [one for one in plan["steps"] if one["node"] in open_nodes and (not one["latent"] or one["state"] != "waiting")]  # fmt: skip
    if steps:
        page.title("Steps of what is under way or held")
        page.table(("step", "state", "after", "what"), [_step(one) for one in steps], indent=2)


def stuck_step(plan: Shape) -> str:
    """The first step that a person has to deal with, or empty. One whose node went on without it is none."""
    whole = next(
        (one for one in plan["holding"] if one == "failures" or one.startswith("rule:")), ""
    )
    if whole:
        return whole
    held = {one["id"] for one in plan["nodes"] if one["state"] == "held"}
    return next(
        (
            step["id"]
            for step in plan["steps"]
            if step["state"] in ("failed", "unknown")
            and (not plan["nodes"] or step["node"] in held)
        ),
        "",
    )


def settled(plan: Shape) -> str:
    """The command that ends the first task that waits for a person, or empty."""
    settle = f'allstop plan settle {plan["id"]} {{}} --happened --evidence "what you saw"'
    return next((settle.format(one["id"]) for one in open_tasks(plan)), "")


def open_tasks(plan: Shape) -> list[Shape]:
    """The tasks that wait for somebody."""
    if plan["state"] in ("done", "aborted"):
        return []
    return [one for one in plan["steps"] if one["kind"] == "task" and one["state"] == "running"]


def _waits(plan: Shape) -> str:
    if plan["earlier"]:
        return ", made before the incident was opened again"
    if plan["state"] == "proposed":
        whom = plan["waits_for"] or plan["approve"]
        return f", waits for approval by {whom}" if whom else ""
    return (
        f", held: {plan['held_because']}"
        if plan["held_because"] and plan["state"] == "held"
        else ""
    )


def _agreed(page: Page, plan: Shape) -> None:
    """Who has signed, and which rule asks for it."""
    for one in plan["signatures"]:
        role = f" as {one['role']}" if one["role"] else ""
        page.line(
            f"  signed by {bare(one['person'])}{role}{', as reviewer' if one['review'] else ''}"
        )
    at = instant(plan["review_by"])
    if at is not None and plan["state"] == "proposed":
        page.line(f"  reviewers have until {day(at)}")
    risk = f"risk {plan['risk']}: " if plan["risk"] else ""
    if plan["because"]:
        page.line(Piece(f"  {risk}{plan['because']}", "dim"))


def _step(step: Shape) -> tuple[Cell, ...]:
    asked = f"asked of {step['role']}" if step["role"] else ""
    told = "; ".join(
        part for part in (step["title"], asked, step["gate"], step["evidence"]) if part
    )
    return (
        step["id"],
        Piece(step["state"], TONES.get(step["state"], "plain")),
        ", ".join(step["after"]) or "-",
        told,
    )
