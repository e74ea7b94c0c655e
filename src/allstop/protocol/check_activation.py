"""Checks of how an emergency begins: kinds, rules of who may declare, phrases, alerts."""

from __future__ import annotations

from allstop.domain.impact import IMPACT_FACTS
from allstop.protocol.check_tests import check_tests
from allstop.protocol.document_activation import AlertDocument, WhoDocument
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.entries import Names, Sort, check_entry, meant_by_any, possible
from allstop.protocol.findings import Findings
from allstop.protocol.shape import Document, Path
from allstop.protocol.tables import examine


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
    asks = written.phrases or any(alert.act == "propose" for alert in written.alerts)
    if asks and not written.confirm:
        text = "an activation can be proposed, and nobody is asked to confirm it"
        hint = "name offices, people or owner under activation.confirm"
        found.add("AP138", at("activation"), text, hint)


def _kinds(document: Document[ProtocolDocument], names: Names, found: Findings) -> None:
    kinds = names.model.activation.kinds
    recognised = []
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
        tests = check_tests(document, (*path, "when"), kind.when, IMPACT_FACTS, found)
        if tests:
            recognised.append((name, tests))
    report = examine([tests for _, tests in recognised], IMPACT_FACTS)
    for row, cover in (*report.dead, *report.doubles):
        if cover != -1:
            name = recognised[row][0]
            who = recognised[cover][0] if cover is not None else "the kinds before it together"
            text = f"{name} is never recognised: what its tests match is {who} already"
            place = document.at("activation", "kinds", name, "when")
            found.add("AP147", place, text, "put the narrower kind first")


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
    text = f"nobody on the roster is {' or '.join(entries)}"
    found.add("AP138", document.at(*path), text, "give somebody that office, role or team")


def _covered(
    document: Document[ProtocolDocument], who: list[WhoDocument], alerts: list[AlertDocument],
    found: Findings,
) -> None:  # fmt: skip
    """Rules an earlier one leaves nothing to."""
    for place, rule in enumerate(who):
        first = next((at for at in range(place) if _covers(who[at], rule)), None)
        if first is not None:
            line = document.at("activation", "who", first).line
            text = (
                f"this rule adds nothing: the one in line {line} lets {rule.who} declare all of it"
            )
            found.add(
                "AP147", document.at("activation", "who", place), text, "remove one of the two"
            )
    for place, alert in enumerate(alerts):
        first = next(
            (at for at in range(place) if alerts[at].labels.items() <= alert.labels.items()), None
        )
        if first is not None:
            line = document.at("activation", "alerts", first).line
            text = f"this rule can never apply: what it matches goes to the one in line {line}"
            found.add("AP147", document.at("activation", "alerts", place), text, "move it up")


def _covers(one: WhoDocument, other: WhoDocument) -> bool:
    """Whether `one` allows everything `other` does, to the same or more, and tells as many."""
    person = one.who == "person" and other.who.partition(":")[0] in {"person", "owner"}
    kinds = not one.kinds or (bool(other.kinds) and set(other.kinds) <= set(one.kinds))
    same = one.who == other.who or person
    return (
        same and kinds and one.own_domain <= other.own_domain and set(other.tell) <= set(one.tell)
    )


def _phrases(document: Document[ProtocolDocument], phrases: list[str], found: Findings) -> None:
    seen: dict[str, int] = {}
    for place, phrase in enumerate(phrases):
        where = document.at("activation", "phrases", place)
        said = " ".join(phrase.casefold().split())
        if not any(letter.isalnum() for letter in said):
            found.add("AP148", where, "a phrase without a letter would be found in any message", "")
        elif said in seen:
            line = document.at("activation", "phrases", seen[said]).line
            found.add("AP148", where, f"the phrase stands in line {line} already", "remove it")
        seen.setdefault(said, place)
