"""A plan before it runs: at a glance what, how long, at what price, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from allstop.domain.moment import words
from allstop.faces.cli.page import Cell, Page, Piece
from allstop.faces.cli.times import instant

Shape = Mapping[str, Any]
# As many nodes are listed one by one; more are counted.
LISTED = 20
FEW = 6


def previewed(page: Page, plan: Shape, *, whole: bool = False) -> None:
    """The plan for people. whole: every node and step."""
    name = plan.get("id") or "not made yet"
    page.line(Piece(f"{name} ({plan['purpose']})", "strong"), f": {plan['title']}")
    rows = _facts(plan, plan["outlook"] or {})
    rows.append(("hash", Piece(plan["hash"][:16], "dim")))
    page.table((), rows, indent=2)
    beforehand(page, plan, whole=whole)
    if whole:
        page.title("Steps")
        page.table(("step", "after", "what"), _steps(plan), indent=2)


def before_it_runs(page: Page, plan: Shape) -> None:
    """What whoever is to agree has to know of a plan that has not begun."""
    page.table((), _expected(plan["outlook"] or {}), indent=2)
    beforehand(page, plan, whole=True)


def beforehand(page: Page, plan: Shape, *, whole: bool) -> None:
    """What it runs against, what is lost or missing, and what is done in which order. whole: all of it."""
    outlook = plan["outlook"] or {}
    if plan["bites"]:
        page.title("Runs against these safety rules")
        page.table(
            (), [(Piece(one["rule"], "bad"), one["subject"], one["text"]) for one in plan["bites"]],
            indent=2,
        )  # fmt: skip
    if outlook.get("notes"):
        page.title("To know before it runs")
        for one in outlook["notes"]:
            page.line("  ", one, hang=4)
    phases(page, plan)
    if outlook.get("learned"):
        page.title("What similar incidents taught")
        for one in outlook["learned"]:
            page.line("  ", one, hang=4)
    if outlook.get("lacking"):
        page.title("Missing")
        shown = outlook["lacking"] if whole else outlook["lacking"][:FEW]
        for one in shown:
            page.line("  ", Piece(one, "notice"), hang=4)
        _more(page, len(outlook["lacking"]) - len(shown))
    nodes = plan["nodes"]
    page.title("In this order" if whole or len(nodes) <= LISTED else "What it is made of")
    if whole or len(nodes) <= LISTED:
        page.table(("", "what", "after", "if it fails"), _nodes(plan), indent=2)
        if _marked(plan):
            page.line("  ", Piece("* no probe proves it: whoever does it is taken at its word", "dim"), hang=4)  # fmt: skip
    else:
        _counted(page, plan)


def phases(page: Page, plan: Shape) -> None:
    """The phases of a playbook with their times, and how far each has come; nothing for other plans."""
    rows = [(one["title"], _span(one), *_standing(one)) for one in plan["phases"]]
    if rows:
        page.title("Phases")
        page.table((), rows, indent=2)


def _span(phase: Shape) -> str:
    return f"{words(phase['from_ms'])} to {words(phase['within_ms'])}"


def _standing(phase: Shape) -> tuple[Cell, ...]:
    """Where it stands, and until when it has time."""
    begun, due, ended = (instant(phase[name]) for name in ("begun_at", "due_at", "ended_at"))
    if due is None:
        return ()
    late = Piece("late", "bad") if phase["late"] else ""
    if phase["state"] == "over" and begun is not None and ended is not None:
        took = words(int((ended - begun).total_seconds() * 1000))
        return Piece(f"over, took {took}", "good"), late
    tone = "notice" if phase["state"] == "running" else "dim"
    left = f", {phase['open_nodes']} of {phase['nodes']} open" if phase["nodes"] else ""
    return Piece(f"{phase['state']} until {due:%H:%M:%S}{left}", tone), late


def _facts(plan: Shape, outlook: Shape) -> list[tuple[Cell, ...]]:
    rows: list[tuple[Cell, ...]] = [("who must agree", _agree(plan))]
    if plan["because"]:
        rows.append(("", Piece(plan["because"], "dim")))
    return rows + _expected(outlook)


def _expected(outlook: Shape) -> list[tuple[Cell, ...]]:
    """How long it takes, and at what price."""
    rows: list[tuple[Cell, ...]] = []
    whole, bound = outlook.get("whole_ms", 0), outlook.get("bound_ms", 0)
    if whole:
        least = "" if whole == bound else f", never under {words(bound)}"
        rows.append(("expected time", f"{words(whole)}{least}"))
    for title, names, tone in (
        ("longest path", outlook.get("critical", ()), "plain"),
        ("broken by it", outlook.get("radius", ()), "bad"),
        ("data at risk", outlook.get("at_risk", ()), "bad"),
        ("killed if late", outlook.get("forced", ()), "bad"),
        ("too late", outlook.get("late", ()), "bad"),
    ):
        if names:
            arrow = " -> " if title == "longest path" else ", "
            rows.append((title, Piece(_few(names, arrow), tone)))
    rows += [
        ("a circle, as one", Piece(_few(unit, " <-> "), "notice"))
        for unit in outlook.get("units", ())
    ]
    rows += [
        ("order left out", Piece(f"{one} before {to}, a soft need", "notice"))
        for one, to in outlook.get("dropped", ())
    ]
    return rows


def _agree(plan: Shape) -> Cell:
    if not plan["approve"]:
        return "nobody has to"
    waits = plan.get("waits_for", plan["approve"])
    return Piece(waits or f"{plan['approve']}: agreed", "notice" if waits else "good")


def _nodes(plan: Shape) -> list[tuple[Cell, ...]]:
    return [
        (str(number), *_node(plan, one)) for number, one in enumerate(in_order(plan["nodes"]), 1)
    ]


def _node(plan: Shape, node: Shape) -> tuple[Cell, ...]:
    steps = {one["id"]: one for one in plan["steps"]}
    own = [steps[id] for id in node["steps"] if id in steps]
    # What is done to no service has a title of its own; the name says it only once.
    single = own[0] if len(own) == 1 and not node["service"] else None
    does = [single["title"]] if single else [_short(step, node["service"]) for step in own]
    what = f"{node['id']}: {', '.join(does)}"
    return what, _few(node["after"], ", ") or "-", node["on_failure"]


def _marked(plan: Shape) -> bool:
    """Whether a step stands there with the mark of what nothing proves."""
    shown = {id for one in plan["nodes"] if one["service"] or len(one["steps"]) > 1 for id in one["steps"]}  # fmt: skip
    return any(one["id"] in shown and not one["proven"] for one in plan["steps"])


def _short(step: Shape, service: str) -> str:
    """`stop` instead of `stop-payments`, or `stop-payments@halt` of a playbook; marked where nothing proves it."""
    word = step["id"].partition("@")[0].removesuffix(f"-{service}") if service else step["id"]
    return word if step["proven"] else f"{word}*"


def in_order(nodes: Iterable[Shape]) -> list[Shape]:
    """Each behind what it waits for; of several that could go, the most urgent first."""
    left = {one["id"]: one for one in nodes}
    found: list[Shape] = []
    while left:
        ready = [one for one in left.values() if not any(each in left for each in one["after"])]
        next_ones = sorted(ready or left.values(), key=lambda one: (one["rank"], one["id"]))
        found += next_ones
        for one in next_ones:
            del left[one["id"]]
    return found


def _counted(page: Page, plan: Shape) -> None:
    actions = Counter(_sort(one) for one in plan["steps"] if not one["latent"])
    page.line(f"  {len(plan['nodes'])} nodes, {sum(actions.values())} steps: ", hang=4)
    page.table((), [(f"{count}", action) for action, count in actions.most_common()], indent=4)
    page.line("  ", Piece("--all lists every one", "dim"))


def _sort(step: Shape) -> str:
    """What kind of step it is: an action by its own word, which is how its name begins."""
    acts = step["kind"] in ("act", "probe") and step["service"]
    return str(step["id"].partition("-")[0] if acts else step["kind"])


def _steps(plan: Shape) -> list[tuple[Cell, ...]]:
    return [(one["id"], _few(one["after"], ", ") or "-", _told(one)) for one in plan["steps"]]


def _told(step: Shape) -> str:
    notes = []
    if step["latent"]:
        notes.append("only when a step of its node fails")
    if not step["proven"]:
        notes.append("nothing proves it")
    if step["kind"] == "act" and not step["reversible"]:
        notes.append("cannot be taken back")
    return f"{step['title']}" + (f" ({'; '.join(notes)})" if notes else "")


def _few(names: Iterable[str], between: str) -> str:
    found = list(names)
    more = f" and {len(found) - FEW} more" if len(found) > FEW else ""
    return between.join(found[:FEW]) + more


def _more(page: Page, count: int) -> None:
    if count > 0:
        page.line("  ", Piece(f"and {count} more: --all", "dim"))
