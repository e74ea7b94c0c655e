"""Checks of how an emergency begins: kinds, rules of who may declare, phrases, alerts."""

from __future__ import annotations

from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.recognition import folded
from allstop.protocol.check_tests import check_tests
from allstop.protocol.document_activation import AlertDocument, WhoDocument
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.entries import (
    Names,
    Sort,
    check_entry,
    meant_by_any,
    possible,
    whom_nobody_is,
)
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document, Path

_EVERYBODY = ("person", "agent", "source")


def check_activation(document: Document[ProtocolDocument], names: Names, found: Findings) -> None:
    """Unknown names; rules that can never apply; phrases that say nothing; whom nobody is."""
    written, at = names.model.activation, document.at
    _kinds(document, names, found)
    for place, rule in enumerate(written.who):
        path = ("activation", "who", place)
        if check_entry(rule.who, "declaring", names, at(*path, "who"), found):
            _anybody(document, (*path, "who"), [rule.who], names, found, machines=True)
        _entries(document, (*path, "tell"), rule.tell, names, found)
        for step, kind in enumerate(rule.kinds):
            where = at(*path, "kinds", step)
            found.known("AP111", kind, written.kinds, where, "kind of emergency")
    for place, alert in enumerate(written.alerts):
        if alert.kind is not None:
            where = at("activation", "alerts", place, "kind")
            found.known("AP111", alert.kind, written.kinds, where, "kind of emergency")
    _covered(document, written.who, written.alerts, found)
    _phrases(document, written.phrases, found)
    _entries(document, ("activation", "confirm"), written.confirm, names, found, "asked")
    tell = names.model.preflight.tell
    # The owner is who is told where nobody is named; that there is none is said where it matters.
    if tell != ["owner"]:
        _entries(document, ("preflight", "tell"), tell, names, found, "asked")


def _kinds(document: Document[ProtocolDocument], names: Names, found: Findings) -> None:
    kinds = names.model.activation.kinds
    for name, kind in kinds.items():
        path = ("activation", "kinds", name)
        if kind.phase is not None:
            where = document.at(*path, "phase")
            found.known("AP117", kind.phase, names.model.phases, where, "phase")
        for key, entries in (
            ("first_responders", kind.first_responders),
            ("tell", kind.tell),
        ):
            _entries(document, (*path, key), entries, names, found)
        check_tests(document, (*path, "when"), kind.when, IMPACT_FACTS, found)


def _entries(
    document: Document[ProtocolDocument], path: Path, entries: list[str], names: Names,
    found: Findings, sort: Sort = "people",
) -> None:  # fmt: skip
    """Entries that mean people; together they must mean somebody."""
    fine = [
        check_entry(entry, sort, names, document.at(*path, place), found)
        for place, entry in enumerate(entries)
    ]
    if entries and all(fine):
        _anybody(document, path, entries, names, found)


def _anybody(
    document: Document[ProtocolDocument], path: Path, entries: list[str], names: Names,
    found: Findings, *, machines: bool = False,
) -> None:  # fmt: skip
    if names.manned is None:
        return
    if possible(entries, names) if machines else meant_by_any(entries, names):
        return
    text, hint = whom_nobody_is(entries, names)
    found.add("AP138", document.at(*path), text, hint)


def _covered(
    document: Document[ProtocolDocument], who: list[WhoDocument], alerts: list[AlertDocument],
    found: Findings,
) -> None:  # fmt: skip
    """Rules an earlier one leaves nothing to."""
    for place, rule in enumerate(who):
        first = next((at for at in range(place) if _covers(who[at], rule)), None)
        if first is not None:
            line = document.at("activation", "who", first).line
            text = f"this rule can never apply: the one in line {line} comes first for {rule.who}"
            found.add("AP147", document.at("activation", "who", place), text, "move it up")
    for place, alert in enumerate(alerts):
        first = next(
            (at for at in range(place) if alerts[at].labels.items() <= alert.labels.items()), None
        )
        if first is not None:
            line = document.at("activation", "alerts", first).line
            text = f"this rule can never apply: what it matches goes to the one in line {line}"
            found.add("AP147", document.at("activation", "alerts", place), text, "move it up")


def _covers(one: WhoDocument, other: WhoDocument) -> bool:
    """Whether the first of two rules fits wherever the other does."""
    meant = "person" if other.who == "owner" else other.who.partition(":")[0]
    # `person` is every person, and `person:ID` one of them.
    same = one.who == other.who or (one.who in _EVERYBODY and one.who == meant)
    kinds = not one.kinds or (bool(other.kinds) and set(other.kinds) <= set(one.kinds))
    return same and kinds and one.own_domain <= other.own_domain


def _phrases(document: Document[ProtocolDocument], phrases: list[str], found: Findings) -> None:
    seen: dict[str, int] = {}
    for place, phrase in enumerate(phrases):
        where = document.at("activation", "phrases", place)
        said = folded(phrase)
        if not any(letter.isalnum() for letter in said):
            found.add("AP148", where, "a phrase without a letter would be found in any message", "")
        elif said in seen:
            line = document.at("activation", "phrases", seen[said]).line
            found.add("AP148", where, f"the phrase stands in line {line} already", "remove it")
        seen.setdefault(said, place)
