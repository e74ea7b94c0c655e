"""What people may do in a story: each deed, its fields, and the command it becomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allstop.domain import proposals as p
from allstop.domain.halt import commands as h
from allstop.domain.impact import IMPACT_FACTS, Impact
from allstop.domain.incident import commands as c
from allstop.domain.incident import course_commands as cc
from allstop.domain.incident import work_commands as w
from allstop.domain.moment import after
from allstop.domain.money import Money
from allstop.domain.plan import commands as pl
from allstop.protocol.scalars import parse_duration, parse_money

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Deed:
    """make: fields, now -> command. Raises KeyError, TypeError or ValueError for fields that do not fit."""

    fields: tuple[str, ...]
    make: Callable[[Fields, datetime], Any]


def impact_of(fields: Fields) -> Impact:
    """`{core_functions_down: [buying], lost_per_hour: 5000 USD, breach: true}`. Raises ValueError."""
    unknown = sorted(set(fields) - set(IMPACT_FACTS))
    if unknown:
        raise ValueError(f"impact has no {', '.join(unknown)}")
    return Impact(**{name: _measure(name, value) for name, value in fields.items()})


def _measure(name: str, value: Any) -> Any:
    """One measure of impact as the core has it; null says that nobody knows. Raises ValueError."""
    sort = IMPACT_FACTS[name]
    if name in ("core_functions_down", "functions_down"):
        fits, wanted = isinstance(value, list), "a list of names"
        value = tuple(str(one) for one in value) if fits else value
    elif sort == "money":
        money = parse_money(value) if isinstance(value, str) else None
        fits, wanted = money is not None, "money such as 5000 USD"
        value = Money(*money) if money else value
    elif sort == "number":
        is_number = isinstance(value, int) and not isinstance(value, bool)
        fits, wanted = is_number and value >= 0, "a whole number, 0 or more"
    elif sort == "yes/no":
        fits, wanted = isinstance(value, bool), "true or false"
    else:
        choices = sort.split("|")
        fits, wanted = value in choices, f"one of {', '.join(choices)}"
    if not (fits or value is None):
        raise ValueError(f"{name} is {wanted}")
    return value


def _texts(value: list[str]) -> tuple[str, ...]:
    return tuple(value)


def _in(fields: Fields, name: str, now: datetime) -> datetime:
    return after(now, parse_duration(fields[name]))


def _incident(fields: Fields) -> str:
    return str(fields.get("incident", "INC-1"))


def _declare(f: Fields, _: datetime) -> Any:
    return c.DeclareIncident(
        str(f["title"]), _texts(f.get("services", [])), "manual", impact_of(f.get("impact", {})),
        f.get("severity", ""), f.get("dedup", ""), kind=f.get("kind", ""),
        domain=f.get("domain", ""), source=f.get("source", ""), private=f.get("private", False),
    )  # fmt: skip


def _update(f: Fields, now: datetime) -> Any:
    expected = _in(f, "expected_in", now) if "expected_in" in f else None
    return c.PostUpdate(
        _incident(f), f.get("status", "investigating"), str(f["text"]), dict(f.get("fields", {})),
        expected,
    )  # fmt: skip


_ACTION_FIELDS = ("state", "owner", "due_in", "priority", "link", "note")


def _change_action(f: Fields, now: datetime) -> Any:
    due = _in(f, "due_in", now) if "due_in" in f else None
    return w.ChangeAction(
        _incident(f), f["action"], f.get("state", ""), f.get("owner", ""), due, f.get("priority", ""),
        f.get("link", ""), f.get("note", ""),
    )  # fmt: skip


def _answer(f: Fields, _: datetime) -> Any:
    return h.AnswerRollCall(
        f["agent"], f.get("halt", "HALT-1"), f.get("state", "stopped"), f.get("working_on", ""),
        "0" * 12, "", f.get("available", True),
    )  # fmt: skip


DEEDS: dict[str, Deed] = {
    "declare": Deed(
        ("title", "services", "impact", "severity", "dedup", "kind", "domain", "source", "private"),
        _declare,
    ),
    "propose": Deed(
        ("text", "source", "labels", "services"),
        lambda f, _: p.ProposeActivation(
            f["text"], f.get("source", ""), f.get("labels", {}), _texts(f.get("services", []))
        ),
    ),
    "confirm": Deed(
        ("proposal", "title", "severity", "kind"),
        lambda f, _: p.ConfirmActivation(
            f.get("proposal", "PROP-1"),
            f.get("title", ""),
            f.get("severity", ""),
            f.get("kind", ""),
        ),
    ),
    "dismiss": Deed(
        ("proposal", "because"),
        lambda f, _: p.DismissActivation(f.get("proposal", "PROP-1"), f["because"]),
    ),
    "measure": Deed(
        ("incident", "impact"),
        lambda f, _: c.MeasureImpact(_incident(f), impact_of(f["impact"])),
    ),
    "ack": Deed(("incident",), lambda f, _: c.AcknowledgeIncident(_incident(f))),
    "triage": Deed(
        ("incident", "real", "text", "severity", "kind"),
        lambda f, _: cc.TriageIncident(
            _incident(f),
            f.get("real", True),
            f.get("text", ""),
            f.get("severity", ""),
            f.get("kind", ""),
        ),
    ),
    "severity": Deed(
        ("incident", "severity", "because"),
        lambda f, _: c.SetSeverity(_incident(f), f["severity"], f["because"]),
    ),
    "update": Deed(("incident", "status", "text", "fields", "expected_in"), _update),
    "fill": Deed(
        ("incident", "form", "fields"),
        lambda f, _: w.FileForm(_incident(f), f["form"], dict(f.get("fields", {}))),
    ),
    "state": Deed(
        ("incident", "subject", "text"),
        lambda f, _: c.RecordStatement(_incident(f), f["subject"], f["text"]),
    ),
    "note": Deed(("incident", "text"), lambda f, _: c.AddNote(_incident(f), f["text"])),
    "assign": Deed(
        ("incident", "role", "person"),
        lambda f, _: c.AssignRole(_incident(f), f["role"], f["person"]),
    ),
    "handoff": Deed(
        ("incident", "role", "to", "notes"),
        lambda f, _: c.OfferHandoff(_incident(f), f["role"], f["to"], f.get("notes", "")),
    ),
    "accept": Deed(("incident", "role"), lambda f, _: c.AcceptHandoff(_incident(f), f["role"])),
    "crew": Deed(
        ("incident", "crew", "members", "objective"),
        lambda f, _: w.AssignCrew(
            _incident(f), f["crew"], tuple(f.get("members", [])), f.get("objective", "")
        ),
    ),
    "approve": Deed(
        ("incident", "subject", "binds", "as_reviewer"),
        lambda f, _: c.Approve(
            _incident(f), f["subject"], f.get("binds", ""), "", f.get("as_reviewer", False)
        ),
    ),
    "override": Deed(
        ("incident", "subject", "because"),
        lambda f, _: c.Override(_incident(f), f["subject"], f["because"]),
    ),
    "remedy": Deed(
        ("incident", "remedy", "because", "service"),
        lambda f, _: c.DecideRemedy(_incident(f), f["remedy"], f["because"], f.get("service", "")),
    ),
    "task": Deed(
        ("incident", "title", "owner"),
        lambda f, _: w.AddTask(_incident(f), f["title"], f.get("owner", "")),
    ),
    "end-task": Deed(
        ("incident", "task", "state", "note"),
        lambda f, _: w.EndTask(_incident(f), f["task"], f.get("state", "done"), f.get("note", "")),
    ),
    "evidence": Deed(
        ("incident", "kind", "text", "service", "link"),
        lambda f, _: w.AddEvidence(
            _incident(f), f["kind"], f["text"], f.get("service", ""), f.get("link", "")
        ),
    ),
    "facts": Deed(
        ("incident", "facts", "because"),
        lambda f, _: w.RecordFacts(_incident(f), dict(f["facts"]), f["because"]),
    ),
    "change": Deed(
        ("incident", "title", "risk", "action", "service"),
        lambda f, _: w.ProposeChange(
            _incident(f), f["title"], f.get("risk", 0), f.get("action", ""), f.get("service", "")
        ),
    ),
    "end-change": Deed(
        ("incident", "change", "state", "note"),
        lambda f, _: w.EndChange(
            _incident(f), f["change"], f.get("state", "made"), f.get("note", "")
        ),
    ),
    "plan": Deed(("plan",), lambda f, _: pl.StartPlan(f["plan"])),
    "advance": Deed(("incident",), lambda f, _: c.AdvancePhase(_incident(f))),
    "halt": Deed(
        ("incident", "scope", "reason"),
        lambda f, _: h.OrderHalt(f.get("scope", "all"), f["reason"], f.get("incident", "")),
    ),
    "release": Deed(
        ("halt", "because"),
        lambda f, _: h.ReleaseHalt(f.get("halt", "HALT-1"), f["because"]),
    ),
    "stand-down": Deed(("incident", "reason"), lambda f, _: c.StandDown(_incident(f), f["reason"])),
    "reopen": Deed(
        ("incident", "because"), lambda f, _: cc.ReopenIncident(_incident(f), f["because"])
    ),
    "merge": Deed(
        ("incident", "into", "because"),
        lambda f, _: cc.MergeIncident(_incident(f), f["into"], f["because"]),
    ),
    "met": Deed(
        ("incident", "obligation", "how"),
        lambda f, _: w.MeetObligation(_incident(f), f["obligation"], f["how"]),
    ),
    "action": Deed(
        ("incident", "title", "owner", "due_in", "priority", "link"),
        lambda f, now: w.AddAction(
            _incident(f),
            f["title"],
            f["owner"],
            _in(f, "due_in", now),
            f.get("priority", "medium"),
            f.get("link", ""),
        ),
    ),
    "report": Deed(
        ("incident",), lambda f, _: c.RecordReport(_incident(f), "reports/rehearsed.md", "0" * 64)
    ),
    "close": Deed(
        ("incident", "note"), lambda f, _: cc.CloseIncident(_incident(f), f.get("note", ""))
    ),
    "withdraw": Deed(
        ("incident", "change", "note"),
        lambda f, _: w.EndChange(_incident(f), f["change"], "withdrawn", f.get("note", "")),
    ),
    "assign-task": Deed(
        ("incident", "task", "owner"),
        lambda f, _: w.AssignTask(_incident(f), f["task"], f["owner"]),
    ),
    "change-action": Deed(("incident", "action", *_ACTION_FIELDS), _change_action),
    "schedule": Deed(
        ("incident", "obligation", "in"),
        lambda f, now: cc.ScheduleMeeting(_incident(f), f["obligation"], _in(f, "in", now)),
    ),
    "correct": Deed(
        ("incident", "entry", "text", "because"),
        lambda f, _: cc.CorrectEntry(_incident(f), int(f["entry"]), f["text"], f["because"]),
    ),
    "link": Deed(
        ("incident", "to", "how"),
        lambda f, _: cc.LinkIncidents(_incident(f), f["to"], f.get("how", "related")),
    ),
    "privacy": Deed(
        ("incident", "private", "because"),
        lambda f, _: cc.SetPrivacy(_incident(f), f["private"], f["because"]),
    ),
    "extend-mode": Deed(
        ("incident", "by", "because"),
        lambda f, now: cc.ExtendMode(_incident(f), _in(f, "by", now), f["because"]),
    ),
    "end-mode": Deed(("incident", "because"), lambda f, _: cc.EndMode(_incident(f), f["because"])),
    "preflight": Deed(("incident",), lambda f, _: cc.BeginPreflight(_incident(f))),
    "make-plan": Deed(
        ("incident", "purpose"), lambda f, _: pl.MakePlan(_incident(f), f["purpose"])
    ),
    "retry": Deed(("plan", "step"), lambda f, _: pl.RetryStep(f["plan"], f["step"])),
    "settle": Deed(
        ("plan", "step", "happened", "text"),
        lambda f, _: pl.SettleStep(f["plan"], f["step"], f["happened"], f["text"]),
    ),
    "abort": Deed(("plan", "because"), lambda f, _: pl.AbortPlan(f["plan"], f["because"])),
    "answer": Deed(
        ("agent", "halt", "state", "working_on", "available"),
        _answer,
    ),
    "points": Deed(
        ("team", "points", "because", "incident"),
        lambda f, _: w.AwardPoints(f["team"], f["points"], f["because"], f.get("incident", "")),
    ),
}

# What a field holds; text, where it is not named here.
_SORTS: dict[str, tuple[str, ...]] = {
    "list": ("services", "members", "agents"),
    "mapping": ("impact", "fields", "facts", "labels"),
    "true or false": ("real", "private", "as_reviewer", "happened", "available"),
    "whole number": ("risk", "points", "entry"),
    "duration": ("expected_in", "due_in", "in", "for"),
}


def wrong_field(what: str, name: str, value: Any) -> str:
    """What is wrong with a field's value, or empty."""
    sort = next((sort for sort, names in _SORTS.items() if name in names), "text")
    if what == "extend-mode" and name == "by":
        sort = "duration"
    fits = {
        "list": isinstance(value, list) and all(isinstance(one, str) for one in value),
        "mapping": isinstance(value, dict),
        "true or false": isinstance(value, bool),
        "whole number": isinstance(value, int) and not isinstance(value, bool),
        "duration": isinstance(value, str) and _is_duration(value),
        "text": isinstance(value, str),
    }
    if name == "good" and (value is None or isinstance(value, bool)):
        return ""
    if name == "good":
        return "good must be true, false, or null when they cannot look"
    return "" if fits[sort] else f"{name} must be {_WANTED.get(sort, sort)}"


_WANTED = {
    "list": "a list of texts", "mapping": "a mapping", "whole number": "a whole number",
    "duration": "a duration such as 5m",
}  # fmt: skip


def _is_duration(text: str) -> bool:
    try:
        parse_duration(text)
    except ValueError:
        return False
    return True


# What the world does: probes turn good or bad (null: they cannot look), agents fall silent, evidence is there
# to be found, a release has proved good, things fail, end in a way nobody knows, and work again, the coordinator is down for a while.
THINGS = ("verb", "evidence", "check", "channel")
WORLD_DEEDS: dict[str, tuple[str, ...]] = {
    "probes": ("good",),
    "silent": ("agents",),
    "finds": ("evidence", "facts"),
    "known-good": ("service", "release"),
    "fails": THINGS,
    "unknown": THINGS,
    "works": THINGS,
    "down": ("for",),
}
