"""Checks of a protocol's own names and times: severities, roles, deadlines, objectives, modes."""

from __future__ import annotations

from collections.abc import Iterable

from allstop.domain.moment import words
from allstop.domain.policy import Span
from allstop.domain.preflight import CHECKS
from allstop.domain.span_words import span_words
from allstop.domain.verdict import nearest
from allstop.protocol.check_degradation import check_degradation
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_severities import SeverityDocument
from allstop.protocol.findings import Findings
from allstop.protocol.marks import check_mark
from allstop.protocol.shape import Document, Path
from allstop.protocol.times import EVERY, longer


def check_protocol(
    document: Document[ProtocolDocument], model: ProtocolDocument, found: Findings
) -> None:
    """Names of severities, audiences and marks; cadences against targets; the roll call."""
    at = document.at
    for path, names in _severities_named(model):
        for step, name in names:
            found.known("AP040", name, model.severities, at(*path, step), "severity")
    for name, severity in model.severities.items():
        for place, audience in enumerate(severity.tell):
            where = at("severities", name, "tell", place)
            found.known("AP042", audience, model.audiences, where, "audience")
        _cadence(document, model, (name, severity), found)
    stop = model.all_stop
    if stop.remind_after >= stop.roll_call:
        text = f"the reminder after {words(stop.remind_after)} comes when the roll call of {words(stop.roll_call)} has ended"
        found.add("AP081", at("all_stop", "remind_after"), text, "half of the roll call is usual")
    if not model.updates.statuses:
        found.add("AP090", at("updates", "statuses"), "an update needs a status to report")
    for place, check in enumerate(model.preflight.checks):
        if check not in CHECKS:
            where, hint = at("preflight", "checks", place), nearest(check, CHECKS)
            found.add("AP116", where, f"there is no preflight check {check}", hint)
    _deadlines(document, model, found)
    _mode(document, model, found)
    check_degradation(document, model, found)


def _severities_named(
    model: ProtocolDocument,
) -> Iterable[tuple[Path, list[tuple[str | int, str]]]]:
    """Every place that names severities: its path, and (last step, name) of each."""
    for row, written in enumerate(model.classification):
        yield ("classification", row), [("severity", written.severity)]
    for name, kind in model.activation.kinds.items():
        if kind.severity is not None:
            yield ("activation", "kinds", name), [("severity", kind.severity)]
    yield from _in_lists(model)
    yield ("closing",), _keys(model.closing)
    yield from _in_keys(model)


def _in_lists(model: ProtocolDocument) -> Iterable[tuple[Path, list[tuple[str | int, str]]]]:
    yield ("emergency_mode", "severities"), _listed(model.emergency_mode.severities)
    for id, owed in model.obligations.items():
        yield ("obligations", id, "severities"), _listed(owed.severities)
    for id, watch in model.aftercare.items():
        yield ("aftercare", id, "severities"), _listed(watch.severities)
    for level, degree in model.degradation.items():
        yield ("degradation", level, "severities"), _listed(degree.severities)


def _in_keys(model: ProtocolDocument) -> Iterable[tuple[Path, list[tuple[str | int, str]]]]:
    for name, role in model.roles.items():
        yield ("roles", name, "needs"), _keys(role.needs)
    for id, deadline in model.deadlines.items():
        yield ("deadlines", id, "within"), _keys(deadline.within)
    for name, audience in model.audiences.items():
        yield ("audiences", name, "after"), _keys(audience.after)
    for name, objective in model.objectives.items():
        yield ("objectives", name, "rto"), _keys(objective.rto)
    yield ("all_stop", "release"), _keys(model.all_stop.release)


def _listed(names: list[str]) -> list[tuple[str | int, str]]:
    return list(enumerate(names))


def _keys(names: Iterable[str]) -> list[tuple[str | int, str]]:
    return [(name, name) for name in names if name != EVERY]


def _cadence(
    document: Document[ProtocolDocument], model: ProtocolDocument,
    severity: tuple[str, SeverityDocument], found: Findings,
) -> None:  # fmt: skip
    """The first update must not be due after the whole thing should be over."""
    name, rule = severity
    every, resolve = rule.update_every, rule.targets.resolve
    if every is None:
        return
    place = document.at("severities", name, "update_every")
    if resolve is not None and longer(every, Span(resolve)):
        text = f"{name} should be resolved in {words(resolve)}, and the first update is due after {span_words(every)}"
        found.add("AP080", place, text, "make it shorter")
    for service_class, objective in model.objectives.items():
        rto = objective.rto.get(name, objective.rto.get(EVERY))
        if rto is not None and longer(every, rto):
            text = f"{service_class} should be back in {span_words(rto)} at {name}, and the first update is due after {span_words(every)}"
            found.add("AP080", place, text, "make it shorter")


def _deadlines(
    document: Document[ProtocolDocument], model: ProtocolDocument, found: Findings
) -> None:
    for id, rule in model.deadlines.items():
        for place, mark in enumerate(rule.until):
            check_mark(mark, model, document.at("deadlines", id, "until", place), found)
        kind, colon, name = rule.begins.partition(":")
        where = document.at("deadlines", id, "begins")
        if colon and kind == "phase":
            found.known("AP117", name, model.phases, where, "phase")
        elif rule.begins not in {"declared", "severity"}:
            hint = nearest(rule.begins, ("declared", "severity", *model.phases))
            text = f"a deadline cannot begin with {rule.begins}: declared | severity | phase:NAME"
            found.add("AP026", where, text, hint)


def _mode(document: Document[ProtocolDocument], model: ProtocolDocument, found: Findings) -> None:
    mode = model.emergency_mode
    changes = bool(mode.suspend or mode.enable)
    if changes and not mode.severities:
        text = "emergency mode changes something and applies to no severity"
        found.add("AP152", document.at("emergency_mode"), text, "list its severities")
    elif mode.severities and not changes:
        text = f"emergency mode applies to {', '.join(mode.severities)} and changes nothing"
        found.add("AP152", document.at("emergency_mode"), text, "say what it suspends or enables")
