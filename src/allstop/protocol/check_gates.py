"""Checks of phases and criteria: what is asked for at a gate, and whether it can ever be had."""

from __future__ import annotations

from collections.abc import Iterable

from allstop.domain.impact import IMPACT_FACTS
from allstop.domain.moment import words
from allstop.protocol.check_tests import check_tests
from allstop.protocol.document_fleet import FleetDocument
from allstop.protocol.document_protocol import ProtocolDocument
from allstop.protocol.document_response import CriterionDocument
from allstop.protocol.entries import Names, able
from allstop.protocol.findings import Findings
from allstop.protocol.problems import Place
from allstop.protocol.shape import Document

# The action somebody must be able to do, for criteria that people satisfy by acting.
_ACTS = {"statement": "statement", "form": "form", "tasks": "task"}
_WORDS = {
    "statement": "make the statement",
    "form": "file the form",
    "tasks": "end its tasks",
}
_Reason = tuple[str, str, str]


def check_gates(document: Document[ProtocolDocument], names: Names, found: Findings) -> None:
    """Phases that end at once or never, ids used twice, criteria nobody can satisfy."""
    model = names.model
    _ends(document, model, found)
    seen: dict[str, Place] = {}
    never: set[tuple[str, ...]] = set()
    for path, id, criterion in model.criteria():
        place = document.at(*path)
        if id in seen:
            text = f"the criterion {id} stands in line {seen[id].line} of {seen[id].file} already"
            found.add("AP085", place, text, "ids are unique in the whole protocol")
        seen.setdefault(id, place)
        before = len(found.problems)
        _refers(document, names, path, criterion, found)
        if len(found.problems) > before:
            never.add(path)
        _timer(document, model, path, criterion, found)
    _reachable(document, model, never, found)


def _ends(document: Document[ProtocolDocument], model: ProtocolDocument, found: Findings) -> None:
    last = list(model.phases)[-1]
    for name, phase in model.phases.items():
        if phase.exit:
            continue
        if name == last:
            text = f"the last phase, {name}, has no exit criterion, so nothing says when it is over"
            found.add("AP083", document.at("phases", name), text, "add stable_for, for example")
        elif phase.automatic:
            text = f"{name} has no exit criterion and is left in the moment it is entered"
            found.add(
                "AP084", document.at("phases", name), text, "add a criterion, or automatic: false"
            )


def _refers(
    document: Document[ProtocolDocument], names: Names, path: tuple[str, ...],
    criterion: CriterionDocument, found: Findings,
) -> None:  # fmt: skip
    """Everything that keeps one criterion from ever holding."""
    model, place = names.model, document.at(*path, criterion.kind)
    role = criterion.approval or criterion.role
    if role is not None and not found.known("AP041", role, model.roles, place, "role"):
        return
    if criterion.form is not None and not found.known(
        "AP113", criterion.form, model.forms, place, "form"
    ):
        return
    if criterion.impact is not None:
        check_tests(document, (*path, "impact"), criterion.impact, IMPACT_FACTS, found)
    if criterion.evidence and not model.evidence:
        text = "the criterion waits for evidence, and `evidence` asks for none"
        found.add("AP086", document.at(*path), text, "list evidence, or remove the criterion")
    if criterion.crews and not model.crews:
        text = "the criterion waits for crews, and `crews` forms none"
        found.add("AP133", document.at(*path), text, "describe crews, or remove the criterion")
    for code, text, hint in _nobody(criterion, names):
        found.add(code, place, text, hint)


def _nobody(criterion: CriterionDocument, names: Names) -> Iterable[_Reason]:
    """Criteria that wait for somebody who does not exist. On an empty roster AP070 says it once."""
    roster = names.roster
    if roster is not None and not roster.people:
        return
    action = _ACTS.get(criterion.kind)
    if action is not None and not able(action, names):
        granted = ", ".join(names.model.authority.get(action, ())) or "nobody"
        text = f"nobody can {_WORDS[criterion.kind]} this gate waits for"
        yield "AP131", text, f"`{action}` is granted to: {granted}"
    if roster is None:
        return
    if criterion.approval is not None and not roster.holders(criterion.approval):
        text = f"nobody on the roster can hold {criterion.approval}, so nobody can approve"
        yield "AP073", text, f"add {criterion.approval} to somebody's roles in roster.yaml"
    if criterion.role is not None and not roster.holders(criterion.role):
        text = f"the gate waits for {criterion.role}, and nobody on the roster can hold it"
        yield "AP131", text, f"add {criterion.role} to somebody's roles in roster.yaml"


def _timer(
    document: Document[ProtocolDocument], model: ProtocolDocument, path: tuple[str, ...],
    criterion: CriterionDocument, found: Findings,
) -> None:  # fmt: skip
    if criterion.timer is None:
        return
    late = [
        name
        for name, severity in model.severities.items()
        if severity.targets.resolve is not None and criterion.timer > severity.targets.resolve
    ]
    if late:
        text = (
            f"the timer of {words(criterion.timer)} ends after {', '.join(late)} should be resolved"
        )
        found.add("AP132", document.at(*path, "timer"), text, "make it shorter")


def _reachable(
    document: Document[ProtocolDocument], model: ProtocolDocument,
    never: set[tuple[str, ...]], found: Findings,
) -> None:  # fmt: skip
    """Phases behind one that can never be left, unless a kind of emergency begins there."""
    begins = {kind.phase for kind in model.activation.kinds.values()}
    closed, said = "", False
    for name, phase in model.phases.items():
        if name in begins:
            closed = ""
        elif closed and not said:
            text = f"the phase {name} is never reached: {closed} can never be left"
            hint = f"mend the exit of {closed}; only an override would lead on"
            found.add("AP130", document.at("phases", name), text, hint)
            said = True
        if not closed and any(("phases", name, "exit", id) in never for id in phase.exit):
            closed, said = name, False


def check_watching(
    document: Document[ProtocolDocument], model: ProtocolDocument,
    fleet: Document[FleetDocument], found: Findings,
) -> None:  # fmt: skip
    """Criteria against the fleet's probes and the pace of its monitor; what the fleet refers to."""
    assert fleet.model is not None
    probes = fleet.model.probe_names()
    interval = fleet.model.monitor.interval
    for path, _, criterion in model.criteria():
        names = criterion.watched
        if names is None:
            continue
        place = document.at(*path)
        for at, name in enumerate(names):
            key = "probe" if criterion.probe is not None else "probes"
            found.known("AP044", name, probes, document.at(*path, key, at), "probe")
        if not names and not probes:
            text = "the criterion waits for the probes of the fleet, and it has none"
            found.add(
                "AP087", place, text, "it can only be overridden until fleet.yaml has a probe"
            )
        needed = (criterion.fewest - 1) * interval
        if criterion.stable_for is not None and needed > criterion.stable_for:
            text = (
                f"{criterion.fewest} samples, one in {words(interval)}, take {words(needed)}: "
                f"longer than the window of {words(criterion.stable_for)}"
            )
            found.add("AP082", place, text, "ask for fewer samples, or a longer window")
    for service, written in fleet.model.services.items():
        for name in written.diagnose:
            if name not in model.evidence:
                text = f"{service} offers the evidence {name}, which the protocol never asks for"
                hint = f"asked for: {', '.join(model.evidence) or 'nothing'}"
                found.add("AP088", fleet.at("services", service, "diagnose", name), text, hint)
        if written.class_ is not None and model.objectives:
            where = fleet.at("services", service, "class")
            found.known("AP119", written.class_, model.objectives, where, "class of services")
