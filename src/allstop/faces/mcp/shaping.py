"""From the coordinator's answers to what agents are shown: names apart from text, text cleaned, lists cut."""

from __future__ import annotations

from typing import Any

from allstop.domain.deciding.roll_call import ANSWERABLE
from allstop.faces.mcp import shapes as s
from allstop.faces.mcp.untrusted import LINE, TEXT, clean, cleaned, word, words

MOST, ENTRIES = 50, 60
NAME = 100
_WANTED = frozenset(one.value for one in ANSWERABLE)
Data = dict[str, Any]


def halt(found: Data, agent: str = "") -> s.HaltNow:
    """A halt, as one agent sees it."""
    line: Data = next((one for one in found["roll"] if one["agent"] == agent), {})
    state = word(line.get("state"))
    return s.HaltNow(
        id=word(found["id"]),
        incident=word(found["incident"]),
        ordered_at=_time(found["ordered_at"]),
        answer_by=_time(found["deadline_at"]),
        blocked=words(found["blocked"]),
        settled=found["settled"],
        total=found["total"],
        all_stopped=found["stopped"],
        your_state=state,
        answer_wanted=found["stands"] and state in _WANTED,
        untrusted=s.HaltText(
            scope=clean(found["scope"], LINE), reason=clean(found["reason"], TEXT), order=clean(found["order"], TEXT)
        ),
    )  # fmt: skip


def halts(found: list[Data], agent: str) -> s.Halts:
    standing = [one for one in found if one["stands"]]
    return s.Halts(
        halts=[halt(one, agent) for one in standing[:MOST]], more=max(0, len(standing) - MOST)
    )


def brief(found: Data, status: str = "") -> s.IncidentBrief:
    """An incident in a row."""
    return s.IncidentBrief(
        id=word(found["id"]),
        state=word(found["state"]),
        severity=word(found["severity"]),
        phase=word(found["phase"]),
        kind=word(found["kind"]),
        commander=word(found["commander"]),
        declared_at=_time(found["declared_at"]),
        update_due_at=_time(found["update_due_at"]),
        untrusted=s.IncidentText(
            title=clean(found["title"], LINE),
            impact=clean(found["impact"], LINE),
            status=clean(status, LINE),
            services=cleaned(found["services"][:MOST], NAME),
        ),
    )


def incident(found: Data) -> s.IncidentNow:
    return s.IncidentNow(
        brief=brief(found["line"], found["status"]),
        roles=[
            s.Member(role=word(one["role"]), person=word(one["person"])) for one in found["roles"][:MOST]
        ],
        crews=crews(found),
        tasks=tasks(found),
        changes=changes(found),
        halts=[word(one["id"]) for one in found["halts"] if one["stands"]][:MOST],
        deadlines=[
            s.DeadlineNow(id=word(one["id"]), at=_time(one["at"]), missed=one["missed"])
            for one in found["deadlines"][:MOST]
        ],
        remedy=word(found["remedy"]),
    )  # fmt: skip


def crews(found: Data, member: str = "") -> list[s.CrewNow]:
    """Those of an incident; member: only those it is in."""
    return [
        s.CrewNow(
            crew=word(one["name"]),
            members=words(one["members"])[:MOST],
            untrusted=s.Labelled(text=clean(one["objective"], TEXT)),
        )
        for one in found["crews"]
        if not member or member in one["members"]
    ][:MOST]


def tasks(found: Data, owner: str = "") -> list[s.TaskNow]:
    """Those of an incident; owner: only their open ones."""
    return [
        s.TaskNow(
            id=word(one["id"]),
            state=word(one["state"]),
            owner=word(one["owner"]),
            untrusted=s.Labelled(text=clean(one["title"], LINE)),
        )
        for one in found["tasks"]
        if not owner or (one["owner"] == owner and one["state"] == "open")
    ][:MOST]


def changes(found: Data, requester: str = "") -> list[s.ChangeNow]:
    """Those of an incident; requester: only what they asked for."""
    return [change(one) for one in found["changes"] if requester in ("", one["requested_by"])][
        :MOST
    ]


def change(found: Data) -> s.ChangeNow:
    return s.ChangeNow(
        id=word(found["id"]),
        state=word(found["state"]),
        risk=found["risk"],
        requested_by=word(found["requested_by"]),
        approved=found["state"] == "approved",
        untrusted=s.ChangeText(
            title=clean(found["title"], LINE),
            service=clean(found["service"], NAME),
            waits_for=clean(found["waits_for"], LINE),
        ),
    )


def criterion(found: Data) -> s.CriterionNow:
    return s.CriterionNow(
        id=word(found["id"]),
        passed=found["passed"],
        overridden=found["overridden"],
        untrusted=s.CriterionText(
            title=clean(found["title"], LINE), text=clean(found["text"], LINE)
        ),
    )


def timeline(id: str, found: list[Data]) -> s.Timeline:
    newest = found[-ENTRIES:]
    entries = [
        s.EntryNow(
            position=one["position"],
            at=_time(one["at"]),
            kind=word(one["kind"]),
            actor=word(one["actor"]),
            untrusted=s.EntryText(
                text=clean(one["text"], LINE), correction=clean(one["correction"], LINE)
            ),
        )
        for one in newest
    ]
    return s.Timeline(incident=id, entries=entries, earlier=len(found) - len(newest))


def agents(found: list[Data]) -> s.Agents:
    lines = [
        s.AgentNow(
            id=word(one["id"]),
            team=word(one["team"]),
            state=word(one["state"]),
            held_by=words(one["held_by"]),
            blocked=words(one["blocked"]),
            host=word(one["host"]),
            untrusted=s.AgentText(
                name=clean(one["name"], NAME), repository=clean(one["repository"], LINE)
            ),
        )
        for one in found[:MOST]
    ]
    return s.Agents(agents=lines, more=max(0, len(found) - MOST))


def runbook(found: Data) -> s.Runbook:
    steps = [
        s.RunbookStep(
            id=word(step["id"]),
            phase=word(phase["name"]),
            sort=word(step["sort"]),
            role=word(step["role"]),
            untrusted=s.Labelled(text=_acts(step)),
        )
        for phase in found["phases"]
        for step in phase["steps"]
    ]
    return s.Runbook(
        name=word(found["name"]),
        kinds=words(found["kinds"]),
        severities=words(found["severities"]),
        steps=steps[:MOST],
        untrusted=s.Labelled(text=clean(found["title"], LINE)),
    )


def _acts(step: Data) -> str:
    on = ", ".join(str(one) for one in step["on"])
    return clean(f"{step['title']}: {step['what']}{f' on {on}' if on else ''}", LINE)


def _time(value: Any) -> str:
    """RFC 3339 as the coordinator writes it; empty for none."""
    return word(value)
