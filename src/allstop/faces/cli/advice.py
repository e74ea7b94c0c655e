"""The next sensible command for somebody who looks at an incident."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from allstop.faces.cli.plan_page import open_tasks
from allstop.faces.cli.times import instant

Shape = Mapping[str, Any]
# Beginnings of hints that ask for something only a person can do.
HUMAN = ("allstop fill", "allstop state", "allstop crew", "allstop tasks", "allstop approve")


def advice(view: Shape, now: datetime) -> str:
    """A command about this incident, without its name, or nothing."""
    line = view["line"]
    if line["state"] != "open":
        return _last_steps(view)
    if not view["acknowledged_by"]:
        return "allstop ack"
    waiting = _decision(view, now)
    if waiting:
        return waiting
    at = instant(line["update_due_at"])
    if at is not None and at <= now:
        return 'allstop update "what is known" --status STATUS'
    if view["stand_down"] and all(one["passed"] for one in view["stand_down"]):
        return 'allstop stand-down "why it is over"'
    told = _missing(view)
    if told:
        return told
    if view["remedy"] == "investigate" and not any(
        one["purpose"] == "remedy" for one in view["plans"]
    ):
        where = "" if line["services"] else " --service NAME"
        return f'allstop remedy fix{where} --because "what you found"'
    # Waiting is all there is to do.
    return "allstop timeline --follow"


def criteria(view: Shape) -> list[Shape]:
    """Everything that phases and the stand-down wait for."""
    return [*view["stand_down"], *(one for phase in view["phases"] for one in phase["criteria"])]


def afterwards(view: Shape) -> str:
    """The command after a stand-down. view: of an incident, or of what it owes."""
    missing = view.get("missing") or view.get("missing_before_close")
    owes = missing or any(not one["met"] for one in view["obligations"])
    return "allstop owed" if owes else "allstop report --file"


def _decision(view: Shape, now: datetime) -> str:
    """A decision that somebody waits for."""
    if of_plans := _of_plans([one for one in view["plans"] if not one["earlier"]], now):
        return of_plans
    for change in view["changes"]:
        if change["state"] == "proposed":
            return f"allstop approve change:{change['id']}"
    if any(one["proposed"] and not one["members"] for one in view["crews"]):
        return "allstop crew accept"
    return ""


def _of_plans(plans: Sequence[Shape], now: datetime) -> str:
    """What is held or asks somebody goes before what waits for approval, and that before what can be run."""
    for plan in plans:
        if plan["state"] == "held" or open_tasks(plan):
            return f"allstop plan show {plan['id']}"
    for plan in plans:
        if plan["state"] == "proposed" and plan["approve"]:
            return f"allstop approve {plan['id']}"
    for plan in plans:
        over = instant(plan["expires_at"])
        agreed = plan["state"] in ("proposed", "approved") and (over is None or over > now)
        if plan["asked"] and agreed:
            return f"allstop plan run {plan['id']}"
    return ""


def _missing(view: Shape) -> str:
    """The command for the first thing a gate waits for that only a person can do."""
    phase = next((one for one in view["phases"] if one["state"] == "current"), None)
    gate = phase["criteria"] if phase else ()
    done = all(one["state"] != "ahead" for one in view["phases"])
    wanted = [one["hint"] for one in gate if not one["passed"]]
    if done:
        wanted += [one["hint"] for one in view["stand_down"] if not one["passed"]]
    return next((hint for hint in wanted if hint.startswith(HUMAN)), "")


def _last_steps(view: Shape) -> str:
    state = view["line"]["state"]
    if state in {"merged", "dismissed"}:
        return ""
    command = afterwards(view)
    if command == "allstop owed" or not view["report"]:
        return command
    return "allstop close" if state == "stood-down" else ""
