"""The incident report, as Markdown made from the record alone."""

from __future__ import annotations

import hashlib
from typing import Protocol

from allstop.application.command_post import CommandPost, Request
from allstop.application.ports import Clock
from allstop.application.shapes import IncidentView, MeasureLine, RollLine
from allstop.application.views import Views
from allstop.domain.incident.commands import RecordReport
from allstop.domain.incident.state import Incident
from allstop.domain.principal import Principal


class Archive(Protocol):
    """Where reports are kept."""

    def keep(self, name: str, text: str) -> str:
        """Write durably and return the path relative to the project folder."""


class Reports:
    """Renders and files reports."""

    def __init__(self, views: Views, post: CommandPost, clock: Clock, archive: Archive) -> None:
        self._views = views
        self._post = post
        self._clock = clock
        self._archive = archive

    def render(self, name: str) -> str:
        """The report as it stands now. Raises Missing for an unknown incident."""
        view = self._views.incident(name)
        incident = self._post.world.incidents[view.line.id]
        parts = [
            *_head(view, incident), *_summary(view, incident), *_times(view.measures), *_response(view),
            *_agents(view), *_plans(view), *_remedy(view), *_lessons(view), *self._timeline(view.line.id),
        ]  # fmt: skip
        return "\n".join(parts).rstrip() + "\n"

    async def file(self, name: str, who: Principal) -> tuple[str, str]:
        """Write the report to `reports/YYYY-MM-DD-ID.md`; returns path and text."""
        text = self.render(name)
        incident = self._post.world.incidents[self._views.incident(name).line.id]
        path = self._archive.keep(f"{incident.declared_at:%Y-%m-%d}-{incident.id}.md", text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        await self._post.do(RecordReport(incident.id, path, digest), Request(who, "report"))
        return path, text

    def _timeline(self, name: str) -> list[str]:
        rows = ["## Timeline (UTC)", "", "| time | who | what |", "|---|---|---|"]
        rows += [
            f"| {entry.at:%H:%M:%S} | {_cell(entry.actor)} | {_cell(entry.text)} |"
            for entry in self._views.timeline(name)
        ]
        return [*rows, ""]


def _cell(text: str) -> str:
    """Text that cannot break out of a table cell, nor become markup."""
    table = {
        "\\": "\\\\",
        "|": "\\|",
        "*": "\\*",
        "&": "&amp;",
        "<": "&lt;",
        ">": "&gt;",
        "[": "\\[",
        "]": "\\]",
        "`": "'",
    }
    # Line breaks, control characters and marks that reverse the text become blanks.
    return "".join(table.get(letter, letter if letter.isprintable() else " ") for letter in text)


def _head(view: IncidentView, incident: Incident) -> list[str]:
    return [
        f"# {view.line.id}: {_cell(view.line.title)}", "",
        (f"{view.line.severity} ({_cell(view.line.severity_title)}) · {view.line.state} · declared "
        f"{incident.declared_at:%Y-%m-%d %H:%M:%S} UTC by {_cell(view.declared_by)} · protocol {_cell(view.protocol)} "
        f"(policy {view.policy[:12]})"), "",
    ]  # fmt: skip


def _summary(view: IncidentView, incident: Incident) -> list[str]:
    worst = incident.worst_impact
    rows = [
        "## Summary", "",
        f"- Services suspected: {', '.join(view.line.services) or 'none named'}",
        f"- Severity: {_cell(view.severity_because)}",
        f"- Worst measured impact: {_cell(worst.sentence())}",
        f"- Duration: {view.line.age}",
    ]  # fmt: skip
    for subject, text in view.statements.items():
        rows.append(f"- Stated, {_cell(subject)}: {_cell(text)}")
    if incident.overrides:
        rows += [
            f"- OVERRIDDEN {name}: {_cell(reason)}" for name, reason in incident.overrides.items()
        ]
    return [*rows, ""]


def _times(found: tuple[MeasureLine, ...]) -> list[str]:
    rows = [
        "## Times",
        "",
        "| time to | measured | target | met | formula |",
        "|---|---|---|---|---|",
    ]
    for one in found:
        met = {True: "yes", False: "NO", None: "-"}[one.met]
        rows.append(f"| {one.name} | {one.measured} | {one.target} | {met} | {one.formula} |")
    return [*rows, ""]


def _response(view: IncidentView) -> list[str]:
    rows = ["## Team", ""]
    rows += [
        f"- {_cell(role.title)}: {_cell(role.name or role.person or 'nobody')}"
        for role in view.roles
    ]
    rows += ["", "## Phases and gates", ""]
    for phase in view.phases:
        rows.append(f"- **{_cell(phase.title)}** ({phase.state})")
        rows += [
            f"  - [{'x' if one.passed else ' '}] {_cell(one.title)}: {_cell(one.text)}"
            for one in phase.criteria
        ]
    rows.append("- **Stand-down**")
    rows += [
        f"  - [{'x' if one.passed else ' '}] {_cell(one.title)}: {_cell(one.text)}"
        for one in view.stand_down
    ]
    return [*rows, ""]


def _agents(view: IncidentView) -> list[str]:
    rows = []
    for halt in view.halts:
        rows += [
            f"## All-stop {halt.id}",
            "",
            "| agent | team | state | was working on | saved as | evidence |",
        ]
        rows.append("|---|---|---|---|---|---|")
        rows += [
            f"| {_cell(line.agent)} | {_cell(line.team)} | {_stood(line)} | "
            f"{_cell(line.working_on or '-')} | {_cell(line.checkpoint[:12] or '-')} | "
            f"{_cell(line.evidence or '-')} |"
            for line in halt.roll
        ]
        rows.append("")
    return rows


def _stood(line: RollLine) -> str:
    """Where the agent stood under the halt, and what became of it."""
    return line.state if line.held_as == line.state else f"{line.held_as}, then {line.state}"


def _plans(view: IncidentView) -> list[str]:
    rows = []
    for plan in view.plans:
        approved = f", approved by {plan.approved_by}" if plan.approved_by else ""
        rows += [
            f"## {plan.id} ({plan.purpose}): {_cell(plan.title)}",
            "",
            f"{plan.state}{approved}",
            "",
        ]
        rows += [
            f"{number}. {_cell(step.title)}: **{step.state}** {_cell(step.evidence)}".rstrip()
            for number, step in enumerate(plan.steps, 1)
        ]
        rows.append("")
    return rows


def _remedy(view: IncidentView) -> list[str]:
    if not view.remedy:
        return []
    rows = [
        "## Rollback, fix or investigate",
        "",
        f"**{view.remedy}**: {_cell(view.remedy_because)}",
        "",
    ]
    rows += [
        f"- {piece.id}: {_cell(piece.summary)}"
        + (f" (kept as {piece.sha256[:12]})" if piece.sha256 else "")
        for piece in view.evidence
    ]
    return [*rows, ""]


def _lessons(view: IncidentView) -> list[str]:
    rows = ["## Owed", ""]
    rows += [
        f"- [{'x' if one.met else ' '}] {_cell(one.title)} ({_cell(one.owner)}, until {one.due_at:%Y-%m-%d %H:%M} UTC)"
        for one in view.obligations
    ]
    if not view.obligations:
        rows.append("Nothing is owed yet: obligations begin at stand-down.")
    return [*rows, ""]
