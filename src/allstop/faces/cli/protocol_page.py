"""A protocol in short, for people who have two minutes."""

from __future__ import annotations

from allstop.domain.moment import words
from allstop.domain.policy import Protocol, Span, Spans
from allstop.domain.progress import mark_words
from allstop.domain.span_words import span_words
from allstop.faces.cli.page import Page, Piece


def protocol_page(one: Protocol) -> Page:
    """Severities, how it begins, who does what, the way through it, deadlines, what is owed."""
    page = Page()
    extends = f", extends {' and '.join(one.extends)}" if one.extends else ""
    page.line(Piece(one.title, "strong"), f"  ({one.name}{extends})")
    _severities(page, one)
    _beginning(page, one)
    _people(page, one)
    _course(page, one)
    _deadlines(page, one)
    _aftermath(page, one)
    return page


def _severities(page: Page, one: Protocol) -> None:
    page.title("How bad is it")
    page.table(
        ("severity", "", "respond within", "update every", "all-stop", "told"),
        [
            (
                rule.name, rule.title, span_words(rule.respond), _span(rule.update_every),
                "yes" if rule.all_stop else "no", ", ".join(rule.audiences),
            )
            for rule in one.severities
        ],
    )  # fmt: skip
    page.line(f"  {len(one.classification)} rows decide the severity from measured impact.")


def _beginning(page: Page, one: Protocol) -> None:
    active = one.activation
    if not (active.who or active.phrases or active.kinds):
        return
    page.title("How it begins")
    for rule in active.who:
        limits = [f"for {', '.join(rule.kinds)}" if rule.kinds else ""]
        limits += ["in their own domain" if rule.own_domain else ""]
        limits += [f"{', '.join(rule.tell)} told at once" if rule.tell else ""]
        text = "; ".join(part for part in limits if part)
        page.line(f"  {rule.who} may declare" + (f" ({text})" if text else ""))
    if active.phrases:
        page.line(f"  phrases that propose it: {', '.join(active.phrases)}")
    for kind in active.kinds:
        page.line(f"  {kind.name}: {kind.title}" + (", halts every agent" if kind.all_stop else ""))


def _people(page: Page, one: Protocol) -> None:
    page.title("Who does what")
    page.table((), [(role.name, role.title, role.duties) for role in one.roles], indent=2)
    page.table((), [(crew.name, crew.title, crew.objective) for crew in one.crews], indent=2)
    page.line(f"  missed deadlines go to: {', '.join(one.escalation.chain) or 'nobody'}")


def _course(page: Page, one: Protocol) -> None:
    page.title("The way through it")
    for phase in one.phases:
        page.line(Piece(f"  {phase.title}", "strong"))
        for criterion in phase.exit:
            page.line(f"    - {criterion.title}")
    page.line(Piece("  Standing down", "strong"))
    for criterion in one.stand_down:
        page.line(f"    - {criterion.title}")


def _deadlines(page: Page, one: Protocol) -> None:
    if one.deadlines:
        page.title("Deadlines")
        rows = [
            (rule.title, _spans(rule.within), ", ".join(mark_words(mark) for mark in rule.until))
            for rule in one.deadlines
        ]
        page.table(("what", "within", "until"), rows, indent=2)
    if one.approvals.rows:
        page.title("Approvals (the first row that holds)")
        for row in one.approvals.rows:
            who = f"{row.people} of {', '.join(row.by)}" if row.people else "nobody has to agree"
            reviewed = f", reviewed by {', '.join(row.reviewers)}" if row.reviewers else ""
            page.line(f"  - {who}{reviewed}: {row.because}")


def _aftermath(page: Page, one: Protocol) -> None:
    page.title("Afterwards")
    rows = [(owed.title, owed.owner, span_words(owed.within)) for owed in one.obligations]
    page.table(("owed", "by", "within"), rows, indent=2)
    if one.aftercare:
        page.table(("watched on", "for", "looks", "when bad"), _watches(one), indent=2)
    for severity, marks in one.closing.requires.items():
        page.line(f"  {severity} closes only with: {', '.join(mark_words(mark) for mark in marks)}")
    if one.review.every_days:
        last = one.review.last or "never"
        page.line(f"  the protocol is reviewed every {one.review.every_days} days, last: {last}")


def _watches(one: Protocol) -> list[tuple[str, str, str, str]]:
    return [
        (
            watch.title,
            words(watch.lasts_ms),
            f"every {words(watch.every_ms)}" if watch.every_ms else "at every round",
            "opened again" if watch.when_bad == "reopen" else "the commander is told",
        )
        for watch in one.aftercare
    ]


def _span(span: Span | None) -> str:
    return span_words(span) if span else "-"


def _spans(spans: Spans) -> str:
    parts = [f"{name} {span_words(span)}" for name, span in spans.by.items()]
    if spans.default:
        parts.insert(0, span_words(spans.default))
    return ", ".join(parts) or words(0)
