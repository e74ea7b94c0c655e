"""The order of a paper: a report by the protocol's sections, a post-mortem by its forms."""

from __future__ import annotations

from datetime import datetime

from allstop.application.reporting.contents import RECORD, SECTIONS, USUAL, Material
from allstop.application.reporting.paper import Paper, Paragraph, Section, lines_of
from allstop.domain.policy import Policy

# Analyses that belong to a post-mortem wherever they were filed.
ANALYSES = ("five-whys", "timeline", "comparison", "reproduction", "learning")


def report(m: Material, policy: Policy, now: datetime) -> Paper:
    """The protocol's sections in its order, then the rest of the record; without any, the usual ones."""
    wanted = [id for id in policy.protocol.report_sections if id in SECTIONS]
    order = [*wanted, *(id for id in RECORD if id not in wanted)] if wanted else list(USUAL)
    if "timeline" not in order:
        order.append("timeline")
    sections = [_section(m, id) for id in order]
    return _paper("report", m, now, tuple(one for one in sections if one.blocks))


def post_mortem(m: Material, policy: Policy, now: datetime) -> Paper:
    """What people wrote after it, form by form, with the record it rests on; what is missing is named."""
    sections = [_section(m, "summary"), _section(m, "times")]
    for form in policy.protocol.forms:
        if not (form.after or form.id in ANALYSES):
            continue
        filed = m.incident.forms.get(form.id)
        if filed is None:
            if form.id in _asked(m, policy):
                text = f"Not filed yet. `allstop fill {form.id}`"
                sections.append(Section(form.id, form.title, (Paragraph(text),)))
            continue
        about = f"Filed by {filed.by} at {filed.at:%Y-%m-%d %H:%M} UTC."
        sections.append(Section(form.id, form.title, (Paragraph(about),)))
        sections += [
            Section(f"{form.id}/{field.id}", field.title, (lines_of(filed.fields[field.id]),), 3)
            for field in form.fields
            if filed.fields.get(field.id)
        ]
    sections += [
        _section(m, id)
        for id in (
            "decisions",
            "root-cause",
            "prevention",
            "action-items",
            "owed",
            "missing",
            "timeline",
        )
    ]
    return _paper("post-mortem", m, now, tuple(one for one in sections if one.blocks))


def _asked(m: Material, policy: Policy) -> set[str]:
    """Forms that closing asks for at this severity."""
    marks = policy.protocol.closing.requires.get(m.view.line.severity, ())
    return {mark.removeprefix("form:") for mark in marks if mark.startswith("form:")}


def _section(m: Material, id: str) -> Section:
    title, build = SECTIONS[id]
    return Section(id, title, build(m))


def _paper(kind: str, m: Material, now: datetime, sections: tuple[Section, ...]) -> Paper:
    view, incident = m.view, m.incident
    subtitle = (
        f"{view.line.severity} ({view.line.severity_title}) · {view.line.state} · declared "
        f"{incident.declared_at:%Y-%m-%d %H:%M:%S} UTC by {view.declared_by} · protocol "
        f"{view.protocol} (policy {view.policy[:12]})"
    )
    name = "Post-mortem of " if kind == "post-mortem" else ""
    title = f"{name}{view.line.id}: {view.line.title}"
    return Paper(kind, view.line.id, title, subtitle, now, sections)
