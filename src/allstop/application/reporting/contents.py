"""What a report says: one function per section, from what the record shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from allstop.application.reporting.paper import (
    Block,
    Bullets,
    Paragraph,
    Table,
    Terms,
    bullets,
    lines_of,
)
from allstop.application.shapes import Entry, IncidentView, RollLine
from allstop.domain.impact import Impact
from allstop.domain.incident.state import Incident


@dataclass(frozen=True, slots=True)
class Material:
    """What sections are made from."""

    view: IncidentView
    incident: Incident
    timeline: tuple[Entry, ...]


Builder = Callable[[Material], tuple[Block, ...]]
UNSAID = "Nobody has written this yet."


def summary(m: Material) -> tuple[Block, ...]:
    view, worst = m.view, m.incident.worst_impact
    said = [
        ("Services suspected", ", ".join(view.line.services) or "none named"),
        ("Severity", f"{view.line.severity} ({view.line.severity_title}): {view.severity_because}"),
        ("Kind", view.kind_title),
        ("First seen by", view.source),
        ("Worst measured impact", worst.sentence()),
        ("Duration", view.line.age),
        ("Remedy", f"{view.remedy}: {view.remedy_because}" if view.remedy else ""),
        *((f"Stated, {subject}", text) for subject, text in view.statements.items()),
    ]
    told = [Terms(tuple((term, text) for term, text in said if text))]
    overridden = tuple(("", f"OVERRIDDEN {what}: {why}") for what, why in view.overrides.items())
    written = _field(m, "summary")
    blocks: list[Block] = [lines_of(written)] if written else []
    return (*blocks, *told, *((Bullets(overridden),) if overridden else ()))


def impact(m: Material) -> tuple[Block, ...]:
    worst: Impact = m.incident.worst_impact
    facts = [
        (name.replace("_", " "), str(value))
        for name, value in worst.facts().items()
        if value not in (None, 0, False)
    ]
    rows = [
        ("Severity", m.view.line.severity), ("Duration", m.view.line.age),
        ("In words", worst.sentence()), *facts,
    ]  # fmt: skip
    return (Terms(tuple(rows)),)


def times(m: Material) -> tuple[Block, ...]:
    rows = tuple(
        (
            one.name, one.measured, one.target,
            {True: "yes", False: "NO", None: "-"}[one.met], one.formula,
        )
        for one in m.view.measures
    )  # fmt: skip
    return (Table(("time to", "measured", "target", "met", "formula"), rows),)


def timeline(m: Material) -> tuple[Block, ...]:
    return (_entries(m.timeline),)


def _entries(found: Iterable[Entry]) -> Table:
    rows = tuple((_at(one.at), one.actor, _told(one)) for one in found)
    return Table(("time (UTC)", "who", "what"), rows)


def _at(moment: datetime) -> str:
    """With its day: an incident may last for days."""
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def _told(entry: Entry) -> str:
    """An entry; a corrected one with its correction, the original stays."""
    return f"{entry.text} [corrected: {entry.correction}]" if entry.correction else entry.text


def team(m: Material) -> tuple[Block, ...]:
    roles = tuple((one.title, one.name or one.person or "nobody") for one in m.view.roles)
    crews = tuple(
        (one.title, f"{', '.join(one.members) or 'nobody'}: {one.objective}")
        for one in m.view.crews
    )
    return (Terms(roles + crews),)


def phases(m: Material) -> tuple[Block, ...]:
    blocks: list[Block] = []
    gates = [(phase.title, phase.state, phase.criteria) for phase in m.view.phases]
    for title, state, criteria in [*gates, ("Stand-down", "", m.view.stand_down)]:
        blocks.append(Paragraph(f"{title} ({state})" if state else title))
        items = tuple(
            ("done" if one.passed else "open", f"{one.title}: {one.text}") for one in criteria
        )
        blocks.append(Bullets(items))
    tasks = tuple(
        ("open" if one.state == "open" else "done", f"{one.title} ({one.state}{_by(one.owner)})")
        for one in m.view.tasks
    )
    return (*blocks, *((Paragraph("Tasks"), Bullets(tasks)) if tasks else ()))


def _by(owner: str) -> str:
    return f", {owner}" if owner else ""


def agents(m: Material) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for halt in m.view.halts:
        blocks.append(Paragraph(f"All-stop {halt.id}: {halt.scope}, {halt.reason}"))
        rows = tuple(
            (
                one.agent, one.team, _stood(one), one.working_on or "-", one.checkpoint[:12] or "-",
                one.evidence or "-",
            )
            for one in halt.roll
        )  # fmt: skip
        head = ("agent", "team", "state", "was working on", "saved as", "evidence")
        blocks.append(Table(head, rows))
    return tuple(blocks)


def _stood(line: RollLine) -> str:
    """Where the agent stood under the halt, and what became of it."""
    return line.state if line.held_as == line.state else f"{line.held_as}, then {line.state}"


def plans(m: Material) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for plan in m.view.plans:
        approved = f", approved by {plan.approved_by}" if plan.approved_by else ""
        blocks.append(
            Paragraph(f"{plan.id} ({plan.purpose}): {plan.title}. {plan.state}{approved}")
        )
        rows = tuple(
            (str(number), step.title, step.state, step.evidence or "-")
            for number, step in enumerate(plan.steps, 1)
        )
        if rows:
            blocks.append(Table(("", "step", "state", "seen"), rows))
    changes = tuple(
        (one.id, one.title, str(one.risk), one.state, one.requested_by) for one in m.view.changes
    )
    if changes:
        blocks.append(Table(("change", "what", "risk", "state", "asked for by"), changes))
    return tuple(blocks)


def decisions(m: Material) -> tuple[Block, ...]:
    """What was decided, by which row or by whom, and by which facts."""
    kinds = (
        "remedy.decided", "severity.classified", "plan.approved", "criterion.overridden",
        "override.recorded", "approval.given", "change.approved", "incident.triaged",
    )  # fmt: skip
    made = [one for one in m.timeline if one.kind in kinds]
    chosen = m.incident.remedy
    facts = chosen.facts if chosen is not None else {}
    used = tuple(
        (name.replace("_", " "), "unknown" if value is None else str(value))
        for name, value in facts.items()
    )
    blocks: list[Block] = [_entries(made)] if made else []
    if used:
        blocks += [Paragraph("Facts used for rollback, fix or investigate:"), Terms(used)]
    return tuple(blocks)


def evidence(m: Material) -> tuple[Block, ...]:
    rows = [(one.id, one.state, one.summary, one.sha256[:12] or "-") for one in m.view.evidence]
    blocks: list[Block] = []
    if rows:
        blocks.append(Table(("evidence", "state", "summary", "kept as"), tuple(rows)))
    added = tuple(
        (_at(one.at), one.by, one.kind, f"{one.text} {one.link}".strip()) for one in m.view.findings
    )
    if added:
        blocks.append(Table(("time (UTC)", "added by", "kind", "what"), added))
    return tuple(blocks)


def stated(subject: str, word: str) -> Builder:
    """A section that is a statement, with what forms say of it: the fields whose title has the word."""

    def build(m: Material) -> tuple[Block, ...]:
        said = m.view.statements.get(subject, "")
        blocks: list[Block] = [lines_of(said)] if said else []
        found = tuple(
            (title, text)
            for form in m.view.forms
            for title, text in form.fields.items()
            if word in title.lower() and text and text != said
        )
        return (*blocks, *((Terms(found),) if found else ())) or (Paragraph(UNSAID),)

    return build


def resolution(m: Material) -> tuple[Block, ...]:
    view = m.view
    said = [("Decision", f"{view.remedy}: {view.remedy_because}" if view.remedy else "")]
    said += [
        (step.title, step.evidence or step.state)
        for plan in view.plans
        if plan.purpose == "remedy"
        for step in plan.steps
    ]
    said += [(f"Change {one.id}", f"{one.title} ({one.state})") for one in view.changes]
    said += [
        (subject.capitalize(), view.statements[subject])
        for subject in ("mitigated", "fixed", "remedied", "resolved")
        if subject in view.statements
    ]
    said += [
        (f"Time to {one.name}", one.measured)
        for one in view.measures
        if one.name in ("mitigate", "resolve")
    ]
    written = _field(m, "resolution")
    blocks: list[Block] = [lines_of(written)] if written else []
    return (*blocks, Terms(tuple((term, text) for term, text in said if text)))


def action_items(m: Material) -> tuple[Block, ...]:
    rows = tuple(
        (
            one.id, one.title, one.owner, f"{one.due_at:%Y-%m-%d}", one.priority,
            one.state + (" (LATE)" if one.late else ""), one.link or "-",
        )
        for one in m.view.actions
    )  # fmt: skip
    if not rows:
        return (Paragraph("No action item yet."),)
    return (Table(("item", "what", "owner", "due", "priority", "state", "tracked at"), rows),)


def owed(m: Material) -> tuple[Block, ...]:
    items = tuple(
        (
            "done" if one.met else "open",
            f"{one.title} ({one.owner}, until {one.due_at:%Y-%m-%d %H:%M} UTC"
            + (f"; {one.met}" if one.met else "; LATE" if one.late else "")
            + ")",
        )
        for one in m.view.obligations
    )
    if not items:
        return (Paragraph("Nothing is owed yet: most obligations begin at stand-down."),)
    return (Bullets(items),)


def related(m: Material) -> tuple[Block, ...]:
    links = [f"{one.to} ({one.how}): {one.title}" for one in m.view.links]
    links += [one.link for one in m.view.findings if one.link]
    links += [one.link for one in m.view.actions if one.link]
    written = _field(m, "related")
    links += [line.strip() for line in written.splitlines() if line.strip()]
    return (bullets(*dict.fromkeys(links)),) if links else (Paragraph("None."),)


def from_form(id: str) -> Builder:
    """A section that is a field of a form somebody filled."""

    def build(m: Material) -> tuple[Block, ...]:
        written = _field(m, id)
        return (lines_of(written),) if written else (Paragraph(UNSAID),)

    return build


def _field(m: Material, id: str) -> str:
    """The newest text of a field with this id, in whatever form it stands."""
    found = ""
    newest = None
    for filed in m.incident.forms.values():
        text = filed.fields.get(id, "")
        if text and (newest is None or filed.at > newest):
            found, newest = text, filed.at
    return found


def missing(m: Material) -> tuple[Block, ...]:
    if m.view.line.state in ("closed", "merged", "dismissed"):
        return ()
    wanted = m.view.missing_before_close
    return (Bullets(tuple(("open", text) for text in wanted)),) if wanted else ()


# Every section a protocol may ask for in its report, with its title; and who fills it.
SECTIONS: dict[str, tuple[str, Builder]] = {
    "summary": ("Summary", summary),
    "impact": ("Impact", impact),
    "timeline": ("Timeline (UTC)", timeline),
    "root-cause": ("Root cause", stated("root-cause", "cause")),
    "resolution": ("Resolution", resolution),
    "went-well": ("What went well", from_form("went-well")),
    "could-be-better": ("What could be better", from_form("could-be-better")),
    "action-items": ("Action items", action_items),
    "prevention": ("Prevention", stated("prevention", "prevent")),
    "related": ("Related", related),
    "times": ("Times", times),
    "team": ("Team", team),
    "phases": ("Phases and gates", phases),
    "agents": ("Agents", agents),
    "plans": ("Plans and changes", plans),
    "decisions": ("Decisions", decisions),
    "evidence": ("Evidence", evidence),
    "owed": ("Owed", owed),
    "missing": ("Missing before it can be closed", missing),
}
# In this order where a protocol does not say.
USUAL = (
    "summary", "times", "team", "phases", "agents", "plans", "decisions", "evidence", "root-cause",
    "action-items", "owed", "missing", "timeline",
)  # fmt: skip
# What a protocol's own sections are followed by: the record behind them.
RECORD = ("times", "team", "phases", "agents", "plans", "decisions", "evidence", "owed", "missing")
