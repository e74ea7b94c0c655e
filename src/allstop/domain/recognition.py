"""Recognising an emergency: its kind by the impact, a phrase in a message, the labels of an alert."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping

from allstop.domain.conditions import all_hold
from allstop.domain.impact import Impact
from allstop.domain.incident.state import Incident
from allstop.domain.policy import AlertRule, EmergencyKind, Phase, Policy, Protocol


def kinds_that_hold(protocol: Protocol, impact: Impact) -> tuple[EmergencyKind, ...]:
    """The kinds of emergency whose tests the impact satisfies, in the order of the document."""
    return tuple(kind for kind in protocol.activation.kinds if kind_holds(kind, impact))


def kind_holds(kind: EmergencyKind, impact: Impact) -> bool:
    """Whether the impact shows this kind; one without tests is only ever named."""
    return bool(kind.when) and all_hold(kind.when, impact.facts())


def shows_kind(policy: Policy, incident: Incident, names: Collection[str]) -> bool:
    """Whether an incident is of one of these kinds: named so, or shown by its worst impact so far."""
    return incident.kind in names or any(
        kind.name in names and kind_holds(kind, incident.worst_impact)
        for kind in policy.protocol.activation.kinds
    )


def first_phase(protocol: Protocol, kind: str) -> Phase:
    """Where a response begins: at the phase its kind of emergency names, or at the first of all."""
    found = protocol.activation.kind(kind)
    wanted = found.phase if found else ""
    return next((one for one in protocol.phases if one.name == wanted), protocol.phases[0])


def hit_domains(policy: Policy, services: Iterable[str], domain: str) -> tuple[str, ...]:
    """Whose ground is hit: the domains of the services, or what was named where they do not say."""
    known = (policy.fleet.service(name) for name in services)
    said = tuple(dict.fromkeys(one.domain for one in known if one is not None and one.domain))
    return said or ((domain,) if domain else ())


def phrase_in(text: str, phrases: Iterable[str]) -> str:
    """The longest of the phrases that the text holds as whole words, or nothing.

    Case, width of letters and blanks do not count. Phrases are plain text, never patterns: a document
    must not be able to make matching slow.
    """
    said = folded(text)
    for phrase in sorted(phrases, key=lambda one: (-len(folded(one)), one)):
        if _stands_in(folded(phrase), said):
            return phrase
    return ""


def alert_rule(rules: Iterable[AlertRule], labels: Mapping[str, str]) -> AlertRule | None:
    """The first rule all of whose labels the alert has."""
    return next((rule for rule in rules if rule.labels.items() <= labels.items()), None)


def folded(text: str) -> str:
    """A text as it is compared: without case, width of letters and more than one blank."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _stands_in(phrase: str, text: str) -> bool:
    """Whether the phrase stands in the text, not within a longer word at either end."""
    at = text.find(phrase) if phrase else -1
    while at >= 0:
        end = at + len(phrase)
        opens = at == 0 or not (_in_word(phrase[0]) and _in_word(text[at - 1]))
        closes = end == len(text) or not (_in_word(phrase[-1]) and _in_word(text[end]))
        if opens and closes:
            return True
        at = text.find(phrase, at + 1)
    return False


def _in_word(letter: str) -> bool:
    return letter.isalnum() or letter == "_"
