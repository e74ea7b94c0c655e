"""Checks of what is told and to whom: audiences, templates, forms, the channel."""

from __future__ import annotations

import re

from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.templates import OCCASIONS, known_placeholders
from allstop.domain.verdict import nearest
from allstop.protocol.check_tests import check_tests
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_roster import RosterDocument
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document, Path

# Also what looks like a placeholder and would go out as it stands, such as {Title} or { title }.
_BRACES = re.compile(r"\{([^{}\n]{1,60})\}")


def check_texts(
    document: Document[ProtocolDocument], model: ProtocolDocument, found: Findings
) -> None:
    """Occasions, placeholders and audiences that do not exist; tests nobody's impact satisfies."""
    for key, template in model.templates.items():
        occasion, _, audience = key.partition("@")
        place = document.at("templates", key)
        if audience:
            found.known("AP042", audience, model.audiences, place, "audience")
        if occasion not in OCCASIONS:
            found.add(
                "AP114", place, f"there is no occasion {occasion}", nearest(occasion, OCCASIONS)
            )
            continue
        known = known_placeholders(occasion)
        for part, text in (("subject", template.subject), ("text", template.text)):
            path = ("templates", key, part)
            _placeholders(document, path, text or "", (occasion, known), found)
    _placeholders(document, ("channel",), model.channel, ("a channel's name", ("incident",)), found)
    for name, audience_ in model.audiences.items():
        check_tests(document, ("audiences", name, "when"), audience_.when, IMPACT_FACTS, found)
    for id, form in model.forms.items():
        for at, name in enumerate(form.tell):
            where = document.at("forms", id, "tell", at)
            found.known("AP042", name, model.audiences, where, "audience")


def _placeholders(
    document: Document[ProtocolDocument], path: Path, text: str,
    known: tuple[str, tuple[str, ...]], found: Findings,
) -> None:  # fmt: skip
    what, names = known
    for name in dict.fromkeys(_BRACES.findall(text)):
        if name not in names:
            wrong = f"{what} has no placeholder {{{name}}}"
            found.add("AP115", document.at(*path), wrong, nearest(name, names))


def check_telling(
    document: Document[ProtocolDocument],
    model: ProtocolDocument,
    roster: RosterDocument,
    found: Findings,
) -> None:
    """Channels of audiences, and whether anybody hears and anybody can be stopped."""
    for name, audience in model.audiences.items():
        for place, channel in enumerate(audience.channels):
            where = document.at("audiences", name, "channels", place)
            found.known("AP043", channel, roster.channels, where, "channel")
        told = [severity for severity, rule in model.severities.items() if name in rule.tell]
        # Without any channel on the roster there is nothing to choose from, and one warning less.
        if told and roster.channels and not audience.channels:
            text = f"{name} is told of {', '.join(told)} and has no channel"
            found.add("AP078", document.at("audiences", name), text, "name channels of roster.yaml")
    stopping = [name for name, rule in model.severities.items() if rule.all_stop]
    if stopping and not roster.agents:
        text = f"{stopping[0]} orders all agents to stop, and the roster has none"
        hint = "agents that register themselves are stopped too"
        found.add("AP076", document.at("severities", stopping[0], "all_stop"), text, hint)
